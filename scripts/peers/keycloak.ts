import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePort } from '../../src/bench/appliance/free-port.ts';
import { get, post, type Request } from './load.ts';
import { besidePostgres, PASSWORD, type Peer, run, startPostgres } from './peer.ts';

const TOKEN = '/realms/peers/protocol/openid-connect/token';
const ADMIN = { username: 'admin', password: 'an administrator of one hour' };

/** Keycloak in production mode on PostgreSQL, as one node. @param script `bin/kc.sh` of the distribution */
export async function keycloak(script: string, folder: string): Promise<Peer> {
  await mkdir(folder, { recursive: true });
  const postgres = await startPostgres(join(folder, 'keycloak-postgres'));
  const database = new URL(postgres.url);
  const [port, managementPort] = [await findFreePort(), await findFreePort()];
  const url = `http://127.0.0.1:${port}`;
  const env = {
    ...process.env,
    KC_DB_URL: `jdbc:postgresql://${database.host}/postgres`,
    KC_DB_USERNAME: 'peer',
    KC_BOOTSTRAP_ADMIN_USERNAME: ADMIN.username,
    KC_BOOTSTRAP_ADMIN_PASSWORD: ADMIN.password,
  };
  // A cache of its own, because the clustered one listens on the network.
  const build = ['--db=postgres', '--cache=local', '--health-enabled=true'];
  await run(script, ['build', ...build], folder, env);
  const listen = ['--http-enabled=true', '--http-host=127.0.0.1', `--http-port=${port}`];
  const rest = [`--http-management-port=${managementPort}`, `--hostname=${url}`];
  let authorization = {};

  const command = [script, 'start', '--optimized', ...listen, ...rest];
  const health = `http://127.0.0.1:${managementPort}/health/ready`;
  return {
    url,
    ...besidePostgres(command, { postgres, health, cwd: folder, env }),
    async prepare() {
      const admin = { client_id: 'admin-cli', grant_type: 'password', ...ADMIN };
      const signedIn = await ask(form('/realms/master/protocol/openid-connect/token', admin));
      authorization = { Authorization: `Bearer ${signedIn['access_token']}` };
      // Answered 409 from the second time on.
      await ask(post('/admin/realms', { realm: 'peers', enabled: true }, authorization));
      const app = { clientId: 'app', publicClient: true, directAccessGrantsEnabled: true };
      await ask(post('/admin/realms/peers/clients', app, authorization));
    },
    // Registration is a page for browsers; programs make accounts by the admin API.
    *register(email) {
      const name = { username: email, firstName: 'A', lastName: 'User' };
      const credentials = [{ type: 'password', value: PASSWORD, temporary: false }];
      const user = { ...name, email, enabled: true, credentials };
      yield post('/admin/realms/peers/users', user, authorization);
    },
    *login(username, password) {
      const grant = { client_id: 'app', grant_type: 'password', scope: 'openid' };
      yield form(TOKEN, { ...grant, username, password });
    },
    session({ body }) {
      const { access_token: access, refresh_token: refresh } = JSON.parse(body);
      return { access, refresh };
    },
    *me({ access }) {
      yield get('/realms/peers/protocol/openid-connect/userinfo', access);
    },
    *refresh({ refresh = '' }) {
      const grant = { client_id: 'app', grant_type: 'refresh_token' };
      yield form(TOKEN, { ...grant, refresh_token: refresh });
    },
  };

  async function ask({ path, ...request }: Request): Promise<Record<string, string>> {
    const response = await fetch(url + path, request);
    const text = await response.text();
    return text ? JSON.parse(text) : {};
  }
}

function form(path: string, fields: Record<string, string>): Request {
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
  return { method: 'POST', path, headers, body: String(new URLSearchParams(fields)) };
}
