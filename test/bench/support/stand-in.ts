/**
 * Stands in for `bin/run.js`: what a throwaway needs of a program it runs, without the product.
 * `serve` answers /health and starts a child, `show` prints its settings, `fail` fails,
 * `serve --stubborn` ignores SIGTERM.
 */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';

const [command, ...flags] = process.argv.slice(2);
const settings = Object.entries(process.env).filter(([name]) => name.startsWith('AUTHCTL_'));

if (command === 'show') process.stdout.write(JSON.stringify(Object.fromEntries(settings)));
else if (command === 'serve' || command === 'worker') serve();
else {
  process.stderr.write('nothing works today\n');
  process.exitCode = 1;
}

function serve(): void {
  if (process.env['AUTHCTL_BROKEN']) throw new Error('broken on purpose');
  const worker = flags.includes('--no-worker')
    ? undefined
    : spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const server = createServer((_, response) => response.end('{}'));
  server.listen(Number(process.env['AUTHCTL_PORT'] ?? 0), '127.0.0.1');
  process.on('SIGTERM', () => {
    if (process.env['AUTHCTL_STUBBORN']) return;
    worker?.kill();
    server.closeAllConnections();
    server.close();
  });
}
