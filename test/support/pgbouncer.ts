import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from 'pg';
import { freePort } from './free-port.ts';
import { whyNoTool } from './machine-tool.ts';

/** Why the tests that need `pgbouncer` are skipped; undefined where it is there. */
export const whyNoPgBouncer = whyNoTool('pgbouncer');

const RENAMED = ['unshare', '--user', '--map-user=65534', '--map-group=65534'];

/**
 * Starts a real PgBouncer, in transaction mode, before a server that listens on a Unix socket.
 * @param settings more lines of its configuration
 * @returns the URL of the same database behind it
 */
export async function startPgBouncer(connectionString: string, settings: string) {
  // Not spread: a client hides its password from whoever lists its fields.
  const server = new Client({ connectionString });
  const { host: socketFolder, port: serverPort, user, password, database } = server;
  const folder = await mkdtemp('/tmp/authctl-pgbouncer-');
  const port = await freePort();
  const users = join(folder, 'users.txt');
  const config = join(folder, 'pgbouncer.ini');
  await writeFile(users, `"${user}" "${password}"\n`);
  await writeFile(
    config,
    `[databases]
* = host=${socketFolder} port=${serverPort}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = plain
auth_file = ${users}
pool_mode = transaction
${settings}
`,
  );
  // It refuses to run as root; whoever runs the server may enter the socket's folder. Where that is root
  // itself, by another name, so it is here.
  const { uid, gid } = await stat(socketFolder);
  for (const path of [folder, users, config]) await chown(path, uid, gid);
  const [program = '', ...args] = [...(uid === 0 ? RENAMED : []), 'pgbouncer', config];
  const child = spawn(program, args, { uid, gid, stdio: ['ignore', 'ignore', 'pipe'] });
  for await (const line of createInterface({ input: child.stderr }))
    if (line.includes('process up')) break;
  child.stderr.resume();
  return {
    url: `postgres://${user}:${password}@127.0.0.1:${port}/${database}`,
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}
