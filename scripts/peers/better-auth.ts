import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePort } from '../../src/bench/appliance/free-port.ts';
import { post } from './load.ts';
import { besidePostgres, PASSWORD, type Peer, run, startPostgres } from './peer.ts';

const SERVER = `
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import pg from 'pg';
const auth = betterAuth({
  baseURL: process.env.URL,
  secret: randomBytes(32).toString('hex'),
  database: new pg.Pool({ connectionString: process.env.DATABASE }),
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
});
if (process.argv[2] === 'migrate') {
  await (await getMigrations(auth.options)).runMigrations();
  process.exit();
}
createServer(toNodeHandler(auth)).listen(Number(new URL(process.env.URL).port), '127.0.0.1');
`;

/** better-auth behind Node's own server, on PostgreSQL. @param folder with better-auth and pg installed */
export async function betterAuth(installed: string, folder: string): Promise<Peer> {
  await mkdir(folder, { recursive: true });
  const script = join(installed, 'peer-server.mjs');
  await writeFile(script, SERVER);
  const postgres = await startPostgres(join(folder, 'better-auth-postgres'));
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const env = { ...process.env, NODE_ENV: 'production', URL: url, DATABASE: postgres.url };
  await run(process.execPath, [script, 'migrate'], folder, env);
  const command = [process.execPath, script];
  const health = `${url}/api/auth/ok`;
  return {
    url,
    ...besidePostgres(command, { postgres, health, cwd: folder, env }),
    *register(email) {
      yield post('/api/auth/sign-up/email', { name: 'A User', email, password: PASSWORD });
    },
    *login(email, password) {
      yield post('/api/auth/sign-in/email', { email, password });
    },
    session: ({ head }) => ({ access: /set-cookie: ([^;]+)/i.exec(head)?.[1] ?? '' }),
    *me({ access }) {
      yield { method: 'GET', path: '/api/auth/get-session', headers: { Cookie: access } };
    },
  };
}
