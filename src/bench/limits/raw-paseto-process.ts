import {
  signAccessToken,
  signingKeyFromSeed,
  verifyAccessToken,
} from '../../crypto/access-token.ts';
import { randomBytes, uuidv7 } from '../../crypto/random.ts';
import { systemClock } from '../../lib/clock.ts';
import { serveTask } from '../child/serve-task.ts';
import { measureRate } from './rate.ts';
import type { RawPasetoInput, RawPasetoRate } from './raw-paseto.ts';

const ISSUER = 'urn:authctl:bench';
const WARMUP_MS = 300;
const LIFETIME_MS = 900_000;

serveTask<RawPasetoInput, RawPasetoRate>(async ({ operation, inFlight, durationMs }) => {
  const key = await signingKeyFromSeed(randomBytes(32));
  const now = systemClock.now();
  const id = () => uuidv7(now.getTime());
  const claims = {
    issuer: ISSUER,
    subject: id(),
    sessionId: id(),
    tokenId: id(),
    role: 'user',
    amr: ['pwd'],
    issuedAt: now,
    expiresAt: new Date(now.getTime() + LIFETIME_MS),
  };
  const token = signAccessToken(key, claims);
  const sign = async () => signAccessToken(key, claims);
  const verify = () => verifyAccessToken(token, { findKey: () => key.verify, now, issuer: ISSUER });
  const call = operation === 'sign' ? sign : verify;
  await measureRate(inFlight, WARMUP_MS, call);
  const { perSecond } = await measureRate(inFlight, durationMs, call);
  return { perSecond };
});
