/**
 * Serves the working copy: `npm run dev -- --port 9090`, with the flags of `authctl serve`. A change is
 * compiled and the server started anew; one that does not compile leaves the server as it is.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { keepRunning } from './dev/keep-running.ts';

const root = join(import.meta.dirname, '..');
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => stop.abort());

const { status } = spawnSync(process.execPath, ['scripts/build.ts'], {
  cwd: root,
  stdio: 'inherit',
});
if (status === 0)
  await keepRunning({
    folders: ['commands', 'config', 'src'].map((folder) => join(root, folder)),
    prepare: compile,
    start: serve,
    stop: stop.signal,
  });
else process.exitCode = 1;

async function compile(): Promise<boolean> {
  const compiler = join(typescript, 'bin/tsc');
  const args = [compiler, '-p', 'tsconfig.build.json', '--outDir', 'dist'];
  const compiling = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
  const [code] = await once(compiling, 'exit');
  return code === 0;
}

function serve() {
  const args = ['bin/run.js', 'serve', '--log-level', 'debug', ...process.argv.slice(2)];
  return spawn(process.execPath, args, {
    cwd: root,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    // In a session of its own, so that Ctrl-C reaches it once; it ends when this end of the channel does.
    detached: true,
    env: { ...process.env, AUTHCTL_WRAPPED: '1' },
  });
}
