import { fork } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { AppError } from '../../errors.ts';

export interface ServerProcess {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/**
 * Starts a server in a process of its own and waits until it listens.
 * @param module listens on a free loopback port, sends `{ port }` to its parent, and ends when its
 * parent disconnects
 * @throws AppError `internal` where it ended instead
 */
export async function startServerProcess(module: string): Promise<ServerProcess> {
  // Away from the operator's folder: no configuration file of his is in reach there.
  const child = fork(module, { execArgv: [], cwd: tmpdir() });
  const exited = once(child, 'exit');
  const listening = once(child, 'message').then(([message]) => message as { port: number });
  const started = await Promise.race([listening, exited.then(() => undefined)]);
  if (!started) {
    throw new AppError('internal', { text: `The server in ${module} ended before it listened.` });
  }
  return {
    url: `http://127.0.0.1:${started.port}`,
    pid: child.pid!,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await exited;
    },
  };
}
