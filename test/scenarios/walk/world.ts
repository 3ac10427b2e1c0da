import { createAccount, newAddress, signIn } from '../../support/accounts.ts';
import type { Answer, TestAppliance } from '../../support/appliance.ts';
import { authenticatorCode } from '../../support/authenticator.ts';

/** What the walk knows of a user: the truth that the appliance is compared with. */
export interface Person {
  readonly id: string;
  email: string;
  password: string;
  /** Base32; null while two-factor is off. */
  secret: string | null;
  recoveryCodes: string[];
  /** Raised whenever password, address or factors change: flows from before are dead. */
  version: number;
}

export type FlowKind = 'verify' | 'two_factor' | 'forgot' | 'reset' | 'email_change' | 'totp_setup';

export interface WalkFlow {
  readonly token: string;
  readonly kind: FlowKind;
  /** Null for a decoy. */
  readonly person: Person | null;
  readonly version: number;
  /** The code that was mailed for it. */
  readonly code?: string;
  /** The address it is about. */
  readonly address?: string;
  /** The seed shown with it. */
  readonly secret?: string;
  isDead: boolean;
}

export interface WalkSession {
  readonly id: string;
  readonly person: Person;
  token: string;
  refreshToken: string;
  isAlive: boolean;
}

/** A second factor as it is presented, and whose it is. */
export interface WalkFactor {
  readonly body: { code?: string; recovery_code?: string };
  readonly owner: Person | null;
}

/** Chooses from what there is; 0 is the newest. */
export type Pick = <T>(choices: readonly T[]) => T | undefined;

export interface World {
  readonly appliance: TestAppliance;
  readonly people: readonly Person[];
  readonly flows: WalkFlow[];
  readonly sessions: WalkSession[];
  /** Every password that anybody has or had. */
  readonly passwords: string[];
  /** Paths that answered with success. */
  readonly succeeded: Set<string>;
  newPassword(): string;
  newEmail(): string;
}

let passwords = 0;

/** Two users, each signed in on two devices, and nothing begun. */
export async function createWorld(
  appliance: TestAppliance,
  succeeded: Set<string>,
): Promise<World> {
  const world: World = {
    appliance,
    people: [],
    succeeded,
    flows: [],
    sessions: [],
    passwords: [],
    newPassword() {
      passwords += 1;
      const password = `lantern ${passwords} glows over the pier`;
      world.passwords.push(password);
      return password;
    },
    newEmail: newAddress,
  };
  const people: Person[] = [];
  for (let index = 0; index < 2; index += 1) {
    const account = await createAccount(appliance, { password: world.newPassword() });
    const { id, email, password } = account;
    const person = { id, email, password, secret: null, recoveryCodes: [], version: 1 };
    people.push(person);
    for (const { sessionId, token, refreshToken } of [account, await signIn(appliance, account)])
      world.sessions.push({ id: sessionId, person, token, refreshToken, isAlive: true });
  }
  return Object.assign(world, { people });
}

export function isLive({ isDead, person, version }: WalkFlow): boolean {
  return !isDead && (person === null || person.version === version);
}

/** Adds the flow that an answer begins. */
export function begin(
  world: World,
  answer: Answer,
  flow: Omit<WalkFlow, 'token' | 'version' | 'isDead'>,
): void {
  const { flow_token: token } = answer.body;
  world.flows.push({ ...flow, token, version: flow.person?.version ?? 0, isDead: false });
}

/** Adds the session that an answer opens; it must be the one of the person it was opened for. */
export function open(world: World, answer: Answer, person: Person): void {
  const { user, tokens } = answer.body;
  if (user.id !== person.id) throw new Error(`signed in as ${user.id}, not ${person.id}`);
  world.sessions.push({
    id: tokens.session_id,
    person,
    token: tokens.access_token,
    refreshToken: tokens.refresh_token,
    isAlive: true,
  });
}

/** What a change of a person's security ends: their flows, and sessions but one. */
export function changed(world: World, person: Person, keep?: WalkSession | 'all sessions'): void {
  person.version += 1;
  if (keep === 'all sessions') return;
  for (const session of world.sessions)
    if (session.person === person && session !== keep) session.isAlive = false;
}

/** Somebody's factor, mostly one that is right; its time step has never been used. */
export function pickFactor(world: World, pick: Pick): WalkFactor {
  const { appliance, people } = world;
  const owners = people.filter(({ secret }) => secret !== null);
  const owner = pick(owners);
  if (!owner) return { body: { code: '000000' }, owner: null };
  if (pick([true, false, true]) === false)
    return { body: { recovery_code: pick(owner.recoveryCodes) ?? 'AAAA' }, owner };
  appliance.clock.advance(30_000);
  return { body: { code: authenticatorCode(owner.secret!, appliance.clock.now()) }, owner };
}

/** Whether a factor proves a person, who then has one recovery code less. */
export function proves(factor: WalkFactor, person: Person | null): boolean {
  if (!person || factor.owner !== person) return false;
  const { code, recovery_code } = factor.body;
  return code !== undefined || person.recoveryCodes.includes(recovery_code!);
}

export function useUp(factor: WalkFactor): void {
  const { owner, body } = factor;
  if (owner) owner.recoveryCodes = owner.recoveryCodes.filter((one) => one !== body.recovery_code);
}
