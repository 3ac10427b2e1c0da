import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePort } from '../../src/bench/appliance/free-port.ts';
import { get, post } from './load.ts';
import { besidePostgres, PASSWORD, type Peer, run, startPostgres } from './peer.ts';

const PASSWORDS = { 'ory.sh/kratos': { credentials: { password: { identifier: true } } } };
const EMAIL = { type: 'string', format: 'email', ...PASSWORDS };
const TRAITS = { type: 'object', properties: { email: EMAIL }, required: ['email'] };
const PERSON = { $id: 'person', type: 'object', properties: { traits: TRAITS } };

/** Ory Kratos on PostgreSQL, used by its flows for native clients. @param binary the program */
export async function kratos(binary: string, folder: string): Promise<Peer> {
  await mkdir(folder, { recursive: true });
  const postgres = await startPostgres(join(folder, 'kratos-postgres'));
  const [port, adminPort] = [await findFreePort(), await findFreePort()];
  const url = `http://127.0.0.1:${port}`;
  const ui = { ui_url: `${url}/ui` };
  const schema = Buffer.from(JSON.stringify(PERSON)).toString('base64');
  const file = join(folder, 'kratos.json');
  const settings = {
    dsn: postgres.url,
    serve: {
      public: { base_url: url, host: '127.0.0.1', port },
      admin: { base_url: `http://127.0.0.1:${adminPort}`, host: '127.0.0.1', port: adminPort },
    },
    identity: { default_schema_id: 'p', schemas: [{ id: 'p', url: `base64://${schema}` }] },
    selfservice: {
      default_browser_return_url: url,
      // The look-up of breached passwords needs a service outside.
      methods: { password: { enabled: true, config: { haveibeenpwned_enabled: false } } },
      flows: { login: ui, registration: ui, error: ui, settings: ui },
    },
    secrets: { cookie: ['a secret of no installation at all'] },
  };
  await writeFile(file, JSON.stringify(settings));
  const env = { ...process.env, SQA_OPT_OUT: 'true', DSN: postgres.url };
  await run(binary, ['migrate', 'sql', '-e', '--yes', '-c', file], folder, env);

  function* flow(kind: string, answers: object) {
    const { body } = yield get(`/self-service/${kind}/api`);
    yield post(`/self-service/${kind}?flow=${JSON.parse(body).id}`, answers);
  }

  const command = [binary, 'serve', '-c', file];
  const health = `${url}/health/ready`;
  return {
    url,
    ...besidePostgres(command, { postgres, health, cwd: folder, env }),
    register: (email) =>
      flow('registration', { method: 'password', password: PASSWORD, traits: { email } }),
    login: (identifier, password) => flow('login', { method: 'password', identifier, password }),
    session: ({ body }) => ({ access: JSON.parse(body).session_token }),
    *me({ access }) {
      yield get('/sessions/whoami', access);
    },
  };
}
