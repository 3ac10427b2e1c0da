import { AppError } from '../../errors.ts';
import type { TaskMessage } from './run-task.ts';

/**
 * The body of a task's process: takes one input from the parent, answers with one result or error,
 * and ends. It dies at once when its parent does: an orphan must not go on loading the machine.
 * @param work calls `progress` as often as it likes
 */
export function serveTask<Input, Output, Progress = never>(
  work: (input: Input, progress: (value: Progress) => void) => Promise<Output>,
): void {
  process.once('disconnect', die);
  // A terminal's Ctrl-C reaches this process too; the parent decides what it means.
  process.on('SIGINT', () => {});
  process.once('message', async ({ input }: { input: Input }) => {
    send(await outcomeOf(() => work(input, (value) => send({ type: 'progress', value }))));
    process.off('disconnect', die);
    process.disconnect();
  });
}

async function outcomeOf(work: () => Promise<unknown>): Promise<TaskMessage> {
  try {
    return { type: 'result', value: await work() };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    if (!(error instanceof AppError)) return { type: 'failed', code: 'internal', text };
    return { type: 'failed', code: error.code, text, hint: error.hint };
  }
}

function send(message: TaskMessage): void {
  process.send?.(message);
}

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}
