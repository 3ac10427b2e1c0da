/**
 * Measures this product and one other in turns, by one load client, and prints medians of three with
 * their ratio. See docs/comparison.md.
 *
 * npm run build
 * node scripts/compare-peers.ts pocketbase <the program>
 * node scripts/compare-peers.ts kratos <the program>
 * node scripts/compare-peers.ts better-auth <a folder of its own where better-auth and pg are installed>
 * node scripts/compare-peers.ts keycloak <bin/kc.sh of the distribution; JAVA_HOME names its Java>
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readUsage } from '../src/bench/appliance/processes.ts';
import { AS_IT_COMES, authctl, HASH_FIRST } from './peers/authctl.ts';
import { betterAuth } from './peers/better-auth.ts';
import { keycloak } from './peers/keycloak.ts';
import { kratos } from './peers/kratos.ts';
import { load, openClient, perform } from './peers/load.ts';
import { PASSWORD, type Peer, type Running, type Session } from './peers/peer.ts';
import { pocketbase } from './peers/pocketbase.ts';

type Figures = Record<string, number>;

const PEERS = { pocketbase, 'better-auth': betterAuth, kratos, keycloak };
const MEASURES = [registrations, logins, users, refreshes, wrongPasswords];
const ROUNDS = 3;
const SECONDS = 4;
const USERS = 40;
const SESSIONS = 16;
const IDLE_MS = 5_000;
/** Of a known and of an unknown address each, in every round. */
const WRONG_PASSWORDS = 100;
const user = (index: number) => `user-${index % USERS}@example.com`;
let count = 0;

async function main([name = '', binary = '']: string[]): Promise<void> {
  const make = PEERS[name as keyof typeof PEERS];
  if (!make || !binary) throw new Error(`${Object.keys(PEERS).join('|')}, and where it is`);
  const folder = await mkdtemp(join(tmpdir(), 'peers-'));
  const peers: Peer[] = [];
  try {
    peers.push(await authctl(folder, HASH_FIRST), await make(binary, folder));
    peers.push(await authctl(folder, AS_IT_COMES));
    const results: Figures[][] = [];
    for (let round = 0; round < ROUNDS; round += 1) results.push(await measureRound(peers, round));
    print(name, results);
  } finally {
    for (const peer of peers) await peer.remove?.();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Looks at each alone, then takes each figure of one after the other's, in an order that turns. */
async function measureRound(peers: readonly Peer[], round: number): Promise<Figures[]> {
  const figures: Figures[] = [];
  for (const peer of peers) figures.push(await startAndRest(peer));
  const running: Running[] = [];
  try {
    for (const peer of peers) running.push(await peer.start());
    for (const measure of MEASURES) {
      // Only its registrations differ from those of the first.
      const order = [...peers.keys()].filter((index) => index < 2 || measure === registrations);
      for (const index of round % 2 === 0 ? order : order.toReversed()) {
        await peers[index]!.prepare?.();
        Object.assign(figures[index]!, await measure(peers[index]!));
      }
    }
    return figures;
  } finally {
    for (const one of running) await one.stop();
  }
}

/** Alone, because what two of one program share counts half for each. */
async function startAndRest(peer: Peer): Promise<Figures> {
  const { startedInMs, pids, stop } = await peer.start();
  await sleep(IDLE_MS);
  const bytes = readUsage(pids()).reduce((sum, { pssBytes }) => sum + (pssBytes ?? 0), 0);
  await stop();
  return { 'start ms': startedInMs, 'idle PSS MB': bytes / 1e6 };
}

async function registrations(peer: Peer): Promise<Figures> {
  const client = await openClient(peer.url);
  for (let index = 0; index < USERS; index += 1) await perform(client, peer.register(user(index)));
  client.close();
  const many = { connections: 64, seconds: SECONDS };
  const { perSecond, p95 } = await load(peer.url, many, () =>
    peer.register(`new-${count++}@example.com`),
  );
  return { 'register /s': perSecond, 'register p95 ms': p95 };
}

async function logins(peer: Peer): Promise<Figures> {
  const many = { connections: 32, seconds: SECONDS };
  const { perSecond, p95 } = await load(peer.url, many, () => peer.login(user(count++), PASSWORD));
  return { 'login /s': perSecond, 'login p95 ms': p95 };
}

async function users(peer: Peer): Promise<Figures> {
  const sessions = await signIn(peer);
  const many = { connections: SESSIONS, seconds: SECONDS };
  const { perSecond, p99 } = await load(peer.url, many, (index) => peer.me(sessions[index]!));
  return { 'me /s': perSecond, 'me p99 ms': p99 };
}

async function refreshes(peer: Peer): Promise<Figures> {
  if (!peer.refresh) return {};
  const sessions = await signIn(peer);
  const { perSecond, p99 } = await load(
    peer.url,
    { connections: SESSIONS, seconds: SECONDS },
    (index) => peer.refresh!(sessions[index]!),
    (index, answer) => {
      sessions[index] = peer.session(answer);
    },
  );
  return { 'refresh /s': perSecond, 'refresh p99 ms': p99 };
}

/** In turns, and of the request alone that carries the password. */
async function wrongPasswords(peer: Peer): Promise<Figures> {
  const client = await openClient(peer.url);
  const times = { user: [] as number[], nobody: [] as number[] };
  for (let index = 0; index < WRONG_PASSWORDS; index += 1)
    for (const who of index % 2 ? (['user', 'nobody'] as const) : (['nobody', 'user'] as const)) {
      const act = peer.login(`${who}-${index % USERS}@example.com`, 'another one entirely 7');
      const { answer, ms } = await perform(client, act);
      if (![400, 401].includes(answer.status)) throw new Error(`${answer.status}: ${answer.body}`);
      times[who].push(ms);
    }
  client.close();
  return { 'wrong, known ms': median(times.user), 'wrong, unknown ms': median(times.nobody) };
}

async function signIn(peer: Peer): Promise<Session[]> {
  const client = await openClient(peer.url);
  const sessions: Session[] = [];
  for (let index = 0; index < SESSIONS; index += 1)
    sessions.push(peer.session((await perform(client, peer.login(user(index), PASSWORD))).answer));
  client.close();
  return sessions;
}

function print(name: string, rounds: Figures[][]): void {
  const lines = Object.keys({ ...rounds[0]![0], ...rounds[0]![1] }).map((figure) => {
    const of = (index: number) => rounds.map((round) => round[index]![figure] ?? Number.NaN);
    const ratios = rounds.map(([own, peer]) => (peer![figure] ?? Number.NaN) / own![figure]!);
    return [figure, ...[of(0), of(1), of(2), ratios].map(range)].join(' | ');
  });
  const head = ['figure', 'authctl, hash first', name, 'authctl, as it comes', 'ratio'];
  process.stdout.write(`${[head.join(' | '), ...lines].join('\n')}\n`);
}

/** `median (least to most)`. */
function range(values: number[]): string {
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)];
  const [text, from, to] = [middle, least, most].map((value) => value.toPrecision(3));
  return Number.isNaN(least) ? '–' : `${text} (${from} to ${to})`;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

await main(process.argv.slice(2));
