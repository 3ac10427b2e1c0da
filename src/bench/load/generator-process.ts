import { AppError } from '../../errors.ts';
import type { GeneratorMessage } from './fork-load.ts';
import { runLoad } from './generator.ts';
import type { LoadPlan } from './plan.ts';

/** Entry of the load generator's own process: one plan comes in, seconds and one result go out. */
function reply(message: GeneratorMessage): void {
  process.send?.(message);
}

/** Whoever forked this is gone: nobody wants the result, and an orphan must not go on sending. */
function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

process.once('disconnect', die);
// A terminal's Ctrl-C reaches this process too; the parent decides what it means.
process.on('SIGINT', () => {});
process.once('message', (plan: LoadPlan) => {
  runLoad(plan, { onSecond: (second) => reply({ type: 'second', second }) })
    .then(
      (result) => reply({ type: 'result', result }),
      (error: unknown) => reply(failure(error)),
    )
    .finally(() => {
      process.off('disconnect', die);
      process.disconnect();
    });
});

function failure(error: unknown): GeneratorMessage {
  const text = error instanceof Error ? error.message : String(error);
  if (!(error instanceof AppError)) return { type: 'failed', code: 'internal', text };
  return { type: 'failed', code: error.code, text, hint: error.hint };
}
