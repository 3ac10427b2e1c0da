import { join } from 'node:path';
import { createThrowaway } from '../../src/bench/appliance/throwaway.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { packageRoot } from '../../src/lib/package-root.ts';
import { get, post } from './load.ts';
import { PASSWORD, type Peer } from './peer.ts';

/** It hashes before the answer, as all others do; room for all who wait, which it would else refuse. */
export const HASH_FIRST = { AUTHCTL_HASH_MODE: 'sync', AUTHCTL_HASH_QUEUE: '1000' };
/** As it comes, it hashes after the answer in a burst. Nothing of that is refused here. */
export const AS_IT_COMES = { AUTHCTL_HASH_BACKLOG_MAX_AGE: '24h' };

/** The product without limits and without verification by mail, which no other has by default. */
export async function authctl(folder: string, hashing: Record<string, string>): Promise<Peer> {
  const throwaway = await createThrowaway({
    runner: join(packageRoot(), 'bin', 'run.js'),
    env: process.env,
    clock: systemClock,
    parentFolder: folder,
  });
  await throwaway.run('domains', 'add', 'example.com', '--trust', '--verification', 'none');
  const settings = { AUTHCTL_LIMITS: 'off', AUTHCTL_REFRESH_RATE: '10000', ...hashing };
  let url = '';
  return {
    get url() {
      return url;
    },
    async start() {
      // What is left to hash would run into the next measurement.
      const running = await throwaway.serve({ settings, worker: hashing === HASH_FIRST });
      const usage = await running.usage();
      url = running.url;
      return { ...running, pids: () => usage.map(({ pid }) => pid) };
    },
    *register(email) {
      yield post('/v1/register', { email, password: PASSWORD });
    },
    *login(email, password) {
      yield post('/v1/login', { email, password });
    },
    session({ body }) {
      const { tokens } = JSON.parse(body);
      return { access: tokens.access_token, refresh: tokens.refresh_token };
    },
    *me({ access }) {
      yield get('/v1/me', access);
    },
    *refresh({ refresh }) {
      yield post('/v1/token/refresh', { refresh_token: refresh });
    },
    remove: () => throwaway.remove(),
  };
}
