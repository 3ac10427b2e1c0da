import type { CodeMailKind } from '../../../src/services/mail/kinds.ts';
import type { Answer, CallOptions } from '../../support/appliance.ts';
import { authenticatorCode } from '../../support/authenticator.ts';
import { codeFor } from '../../support/mailbox.ts';
import {
  begin,
  changed,
  isLive,
  open,
  type Person,
  type Pick,
  pickFactor,
  proves,
  useUp,
  type WalkFlow,
  type WalkSession,
  type World,
} from './world.ts';

/** One request, its ingredients chosen by `pick` from all that anybody ever got hold of. */
export type Step = (world: World, pick: Pick) => Promise<void>;

const NOWHERE: WalkSession = {
  id: '',
  person: { id: '', email: '', password: '', secret: null, recoveryCodes: [], version: 0 },
  token: 'none',
  refreshToken: 'none',
  isAlive: false,
};
const NO_FLOW: WalkFlow = {
  token: `ft_${'A'.repeat(43)}`,
  kind: 'verify',
  person: null,
  version: 0,
  isDead: true,
};

/** Calls, and holds success against what must have been proved. True: it succeeded. */
async function attempt(
  world: World,
  path: string,
  options: CallOptions,
  isProved: boolean,
): Promise<Answer | null> {
  const answer = await world.appliance.call(path, options);
  if (answer.status >= 500) throw new Error(`${path}: ${answer.status}`);
  if (answer.status >= 300) return null;
  world.succeeded.add(path);
  if (!isProved) throw new Error(`${path} succeeded without proof`);
  return answer;
}

/** A flow of the kind that is asked for, or any. */
function anyFlow({ flows }: World, pick: Pick, kind: WalkFlow['kind']): WalkFlow {
  const right = flows.filter((flow) => flow.kind === kind);
  return pick(pick([flows, right]) ?? []) ?? NO_FLOW;
}
const anySession = ({ sessions }: World, pick: Pick) => pick(sessions) ?? NOWHERE;
const anyCode = (world: World, pick: Pick, flow: WalkFlow) =>
  pick([flow.code, ...world.flows.map(({ code }) => code), 'AAAA-AAAA'].reverse()) ?? 'AAAA-AAAA';
const anyPassword = (world: World, pick: Pick, person: Person) =>
  pick([...world.passwords, person.password]) ?? 'nothing anybody has';
const mailed = (world: World, address: string, kind: CodeMailKind) =>
  codeFor(world.appliance, address, kind);

async function login(world: World, pick: Pick): Promise<void> {
  const person = pick(world.people)!;
  const password = anyPassword(world, pick, person);
  const isRight = password === person.password;
  const body = { email: person.email, password };
  const answer = await attempt(world, '/v1/login', { body }, isRight);
  if (isRight && !answer) throw new Error('the right password was refused');
  if (!answer) return;
  if (answer.body.status === 'two_factor_required') {
    if (!person.secret) throw new Error('a factor was asked of somebody who has none');
    begin(world, answer, { kind: 'two_factor', person });
    return;
  }
  if (person.secret) throw new Error('signed in without the second factor');
  open(world, answer, person);
}

async function twoFactor(world: World, pick: Pick): Promise<void> {
  const flow = anyFlow(world, pick, 'two_factor');
  const factor = pickFactor(world, pick);
  const isProved = flow.kind === 'two_factor' && isLive(flow) && proves(factor, flow.person);
  const body = { flow_token: flow.token, ...factor.body };
  const answer = await attempt(world, '/v1/login/two-factor', { body }, isProved);
  if (!answer) return;
  flow.isDead = true;
  useUp(factor);
  open(world, answer, flow.person!);
}

async function registerTaken(world: World, pick: Pick): Promise<void> {
  const body = { email: pick(world.people)!.email, password: world.newPassword() };
  const answer = await attempt(world, '/v1/register', { body }, true);
  if (answer) begin(world, answer, { kind: 'verify', person: null, address: body.email });
}

async function verify(world: World, pick: Pick): Promise<void> {
  const flow = anyFlow(world, pick, 'verify');
  const body = { flow_token: flow.token, code: anyCode(world, pick, flow) };
  // Both users are verified: every such flow is a decoy.
  await attempt(world, '/v1/verify', { body }, false);
}

async function forgot(world: World, pick: Pick): Promise<void> {
  const person = pick([null, ...world.people]) ?? null;
  const address = person?.email ?? 'nobody@example.com';
  const answer = await attempt(world, '/v1/password/forgot', { body: { email: address } }, true);
  if (!answer) return;
  for (const flow of world.flows)
    if (flow.kind === 'forgot' && flow.address === address) flow.isDead = true;
  const code = person ? await mailed(world, address, 'reset_password') : undefined;
  begin(world, answer, { kind: 'forgot', person, address, ...(code ? { code } : {}) });
}

async function resend(world: World, pick: Pick): Promise<void> {
  const flow = anyFlow(world, pick, 'forgot');
  const isProved = isLive(flow) && (flow.kind === 'forgot' || flow.kind === 'verify');
  const body = { flow_token: flow.token };
  const answer = await attempt(world, '/v1/verify/resend', { body }, isProved);
  if (!answer) return;
  flow.isDead = true;
  const { kind, person, address } = flow;
  const code = person ? await mailed(world, address!, 'reset_password') : undefined;
  begin(world, answer, { kind, person, address: address!, ...(code ? { code } : {}) });
}

async function forgotVerify(world: World, pick: Pick): Promise<void> {
  const flow = anyFlow(world, pick, 'forgot');
  const code = anyCode(world, pick, flow);
  const isProved = flow.kind === 'forgot' && isLive(flow) && code === flow.code;
  const body = { flow_token: flow.token, code };
  const answer = await attempt(world, '/v1/password/forgot/verify', { body }, isProved);
  if (!answer) return;
  flow.isDead = true;
  begin(world, answer, { kind: 'reset', person: flow.person });
}

async function reset(world: World, pick: Pick): Promise<void> {
  const flow = anyFlow(world, pick, 'reset');
  const password = world.newPassword();
  const isProved = flow.kind === 'reset' && isLive(flow);
  const body = { flow_token: flow.token, password };
  if (!(await attempt(world, '/v1/password/reset', { body }, isProved))) return;
  flow.person!.password = password;
  changed(world, flow.person!);
}

/** What re-authentication takes, and whether it proves the person of a session. */
function reauthentication(world: World, pick: Pick, session: WalkSession) {
  const { person, isAlive } = session;
  const password = anyPassword(world, pick, person);
  const factor = person.secret ? pickFactor(world, pick) : null;
  const isProved =
    isAlive && password === person.password && (factor === null || proves(factor, person));
  return { password, factor, body: factor?.body ?? {}, isProved };
}

async function changePassword(world: World, pick: Pick): Promise<void> {
  const session = anySession(world, pick);
  const { token, person } = session;
  const { password, factor, body, isProved } = reauthentication(world, pick, session);
  const new_password = world.newPassword();
  const change = { current_password: password, new_password, ...body };
  if (!(await attempt(world, '/v1/me/password', { token, body: change }, isProved))) return;
  if (factor) useUp(factor);
  person.password = new_password;
  changed(world, person, session);
}

async function changeEmail(world: World, pick: Pick): Promise<void> {
  const session = anySession(world, pick);
  const { token, person } = session;
  const { password, factor, body, isProved } = reauthentication(world, pick, session);
  const isTaken = pick([true, false]) === true;
  const owner = isTaken ? world.people.find((one) => one !== person)! : null;
  const address = owner?.email ?? world.newEmail();
  const request = { token, body: { new_email: address, password, ...body } };
  const answer = await attempt(world, '/v1/me/email', request, isProved);
  if (!answer) return;
  if (factor) useUp(factor);
  for (const flow of world.flows)
    if (flow.kind === 'email_change' && flow.person === person) flow.isDead = true;
  const code = owner ? undefined : await mailed(world, address, 'change_email');
  begin(world, answer, { kind: 'email_change', person, address, ...(code ? { code } : {}) });
}

async function verifyEmail(world: World, pick: Pick): Promise<void> {
  const session = anySession(world, pick);
  const { token, person } = session;
  const flow = anyFlow(world, pick, 'email_change');
  const code = anyCode(world, pick, flow);
  const isOwn = session.isAlive && flow.person === person;
  const isProved = isOwn && flow.kind === 'email_change' && isLive(flow) && code === flow.code;
  const body = { flow_token: flow.token, code };
  if (!(await attempt(world, '/v1/me/email/verify', { token, body }, isProved))) return;
  person.email = flow.address!;
  changed(world, person, session);
}

async function beginTotp(world: World, pick: Pick): Promise<void> {
  const { token, person, isAlive } = anySession(world, pick);
  const password = anyPassword(world, pick, person);
  const isProved = isAlive && password === person.password && person.secret === null;
  const request = { token, body: { password } };
  const answer = await attempt(world, '/v1/me/two-factor/totp', request, isProved);
  if (!answer) return;
  for (const flow of world.flows)
    if (flow.kind === 'totp_setup' && flow.person === person) flow.isDead = true;
  begin(world, answer, { kind: 'totp_setup', person, secret: answer.body.secret });
}

async function confirmTotp(world: World, pick: Pick): Promise<void> {
  const { token, person, isAlive } = anySession(world, pick);
  const flow = anyFlow(world, pick, 'totp_setup');
  const { appliance } = world;
  const secrets = [...world.flows.flatMap(({ secret }) => secret ?? []), flow.secret ?? 'AAAA'];
  const secret = pick(secrets)!;
  const isOwn = isAlive && flow.person === person;
  const isProved = isOwn && flow.kind === 'totp_setup' && isLive(flow) && secret === flow.secret;
  const body = { flow_token: flow.token, code: authenticatorCode(secret, appliance.clock.now()) };
  const path = '/v1/me/two-factor/totp/confirm';
  const answer = await attempt(world, path, { token, body }, isProved);
  if (!answer) return;
  person.secret = secret;
  person.recoveryCodes = answer.body.recovery_codes;
  changed(world, person, 'all sessions');
}

async function disableTotp(world: World, pick: Pick): Promise<void> {
  const session = anySession(world, pick);
  const { token, person } = session;
  const { password, body, isProved } = reauthentication(world, pick, session);
  const path = '/v1/me/two-factor/totp/disable';
  const request = { token, body: { password, ...body } };
  if (!(await attempt(world, path, request, isProved && person.secret !== null))) return;
  person.secret = null;
  person.recoveryCodes = [];
  changed(world, person, 'all sessions');
}

async function regenerate(world: World, pick: Pick): Promise<void> {
  const session = anySession(world, pick);
  const { token, person } = session;
  const { password, body, isProved } = reauthentication(world, pick, session);
  const path = '/v1/me/two-factor/recovery-codes';
  const request = { token, body: { password, ...body } };
  const answer = await attempt(world, path, request, isProved && person.secret !== null);
  if (answer) person.recoveryCodes = answer.body.recovery_codes;
}

async function refresh(world: World, pick: Pick): Promise<void> {
  const session = anySession(world, pick);
  const request = { body: { refresh_token: session.refreshToken } };
  const answer = await attempt(world, '/v1/token/refresh', request, session.isAlive);
  if (!answer) return;
  session.token = answer.body.tokens.access_token;
  session.refreshToken = answer.body.tokens.refresh_token;
}

async function me(world: World, pick: Pick): Promise<void> {
  const { token, person, isAlive } = anySession(world, pick);
  const answer = await attempt(world, '/v1/me', { token }, isAlive);
  if (answer && answer.body.id !== person.id) throw new Error('somebody else’s session');
}

async function logout(world: World, pick: Pick): Promise<void> {
  const session = anySession(world, pick);
  const { token, person, isAlive } = session;
  const isAll = pick([true, false]) === true;
  const path = isAll ? '/v1/logout/all' : '/v1/logout';
  if (!(await attempt(world, path, { token, method: 'POST' }, isAlive))) return;
  for (const one of world.sessions)
    if (one === session || (isAll && one.person === person)) one.isAlive = false;
}

export const STEPS: Record<string, Step> = {
  login,
  twoFactor,
  registerTaken,
  verify,
  forgot,
  resend,
  forgotVerify,
  reset,
  changePassword,
  changeEmail,
  verifyEmail,
  beginTotp,
  confirmTotp,
  disableTotp,
  regenerate,
  refresh,
  me,
  logout,
};
