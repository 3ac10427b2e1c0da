import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePort } from '../../src/bench/appliance/free-port.ts';
import { get, post } from './load.ts';
import { isOk, PASSWORD, type Peer, startServer } from './peer.ts';

const USERS = '/api/collections/users';

/** PocketBase on its own SQLite, with the `users` collection that it makes. @param binary the program */
export async function pocketbase(binary: string, folder: string): Promise<Peer> {
  const data = join(folder, 'pocketbase');
  await mkdir(data, { recursive: true });
  const address = `127.0.0.1:${await findFreePort()}`;
  const url = `http://${address}`;
  const command = [binary, 'serve', '--http', address, '--dir', data];
  return {
    url,
    start: () => startServer(command, { cwd: data }, () => isOk(`${url}/api/health`)),
    *register(email) {
      const passwords = { password: PASSWORD, passwordConfirm: PASSWORD };
      yield post(`${USERS}/records`, { email, ...passwords });
    },
    *login(identity, password) {
      yield post(`${USERS}/auth-with-password`, { identity, password });
    },
    session({ body }) {
      const { token, record } = JSON.parse(body);
      return { access: token, id: record.id };
    },
    // It has no route for the present user: one reads one's own record.
    *me({ access, id }) {
      yield get(`${USERS}/records/${id}`, access);
    },
    // A new token beside the old one, which stays good: nothing is written.
    *refresh({ access }) {
      yield post(`${USERS}/auth-refresh`, {}, { Authorization: access });
    },
  };
}
