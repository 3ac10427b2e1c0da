import { createPublicKey, sign, verify as verifySignature } from 'node:crypto';
import { PAE, PublicProtocol } from 'paseto';
import { VerifyFactory } from 'paseto/v4/public';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AccessClaims,
  type SigningKey,
  signAccessToken,
  signingKeyFromSeed,
  type VerifyOptions,
  verifyAccessToken,
  verifyKeyFromPublic,
} from '../../src/crypto/access-token.ts';
import { randomBytes, uuidv7 } from '../../src/crypto/random.ts';
import { signV4Public } from '../../src/crypto/sign-v4.ts';
import { hex, readVectors } from '../support/json-vectors.ts';

interface PasetoVectors {
  signed: {
    name: string;
    'public-key': string;
    'secret-key-seed': string;
    payload: string;
    token: string;
    footer: string;
    'implicit-assertion': string;
  }[];
  failing: { name: string; token: string }[];
}

const vectors = readVectors<PasetoVectors>('paseto-v4.json');
const library = new PublicProtocol(VerifyFactory);
const now = new Date('2030-01-01T12:00:00Z');
const inSeconds = (seconds: number) => new Date(now.getTime() + seconds * 1_000);
const rfc3339 = (date: Date) => date.toISOString();

const claims: AccessClaims = {
  issuer: 'urn:authctl:017f22e2-79b0-7cc3-98c4-dc0c0c07398f',
  subject: uuidv7(0),
  sessionId: uuidv7(0),
  tokenId: uuidv7(0),
  role: 'user',
  amr: ['pwd', 'otp'],
  issuedAt: now,
  expiresAt: inSeconds(900),
};

let key: SigningKey;
let expected: VerifyOptions;
beforeAll(async () => {
  key = await signingKeyFromSeed(randomBytes(32));
  const findKey = (kid: string) => (kid === key.kid ? key.verify : null);
  expected = { findKey, now, issuer: claims.issuer };
});

/** Signs any payload with the right key: what our own signer would never make. */
function forge(changes: Record<string, unknown>, footer: Uint8Array = key.verify.footer) {
  const payload: Record<string, unknown> = {
    iss: claims.issuer,
    sub: claims.subject,
    sid: claims.sessionId,
    jti: claims.tokenId,
    role: 'user',
    amr: ['pwd'],
    iat: rfc3339(now),
    nbf: rfc3339(now),
    exp: rfc3339(inSeconds(900)),
    ...changes,
  };
  return signRaw(JSON.stringify(payload), footer);
}

/** A PASETO v4.public token made by hand, so that the library's own checks do not stand in the way. */
function signRaw(payload: string, footer: Uint8Array): string {
  const message = Buffer.from(payload);
  const header = Buffer.from('v4.public.');
  const input = PAE([header, message, footer, Buffer.alloc(0)]);
  const signature = sign(null, input, key.secretKey);
  const body = Buffer.concat([message, signature]).toString('base64url');
  return `v4.public.${body}.${Buffer.from(footer).toString('base64url')}`;
}

describe('the official v4.public vectors', () => {
  it.each(vectors.signed)('$name: key, signature and verification agree', async (vector) => {
    const vectorKey = await signingKeyFromSeed(hex(vector['secret-key-seed']));
    expect(vectorKey.publicKey.toString('hex')).toBe(vector['public-key']);
    const payload = JSON.parse(vector.payload) as { data: string; exp: string };
    const options = {
      footer: Buffer.from(vector.footer),
      implicitAssertion: Buffer.from(vector['implicit-assertion']),
      now: new Date('2021-01-01T00:00:00Z'),
    };
    const { footer, implicitAssertion } = options;
    const message = Buffer.from(vector.payload);
    const token = signV4Public(vectorKey.secretKey, message, footer, implicitAssertion);
    expect(token).toBe(vector.token);
    const verified = await library.Verify(vectorKey.verify.publicKey, vector.token, options);
    expect(verified.claims).toEqual(payload);
  });

  it.each([...vectors.signed, ...vectors.failing])(
    '$name is not a token of ours',
    async (vector) => {
      const anyKey = { ...expected, findKey: () => key.verify };
      expect(await verifyAccessToken(vector.token, anyKey)).toBeNull();
    },
  );
});

describe('signAccessToken', () => {
  it('makes a token that verifies to the same claims', async () => {
    const token = signAccessToken(key, claims);
    expect(token.startsWith('v4.public.')).toBe(true);
    expect(await verifyAccessToken(token, expected)).toEqual(claims);
  });

  it('writes exactly the documented claims and footer', async () => {
    const [, , body, footer] = signAccessToken(key, { ...claims, audience: 'app' }).split('.');
    const payload = Buffer.from(body!, 'base64url').subarray(0, -64).toString();
    expect(JSON.parse(payload)).toEqual({
      iss: claims.issuer,
      sub: claims.subject,
      sid: claims.sessionId,
      jti: claims.tokenId,
      role: 'user',
      amr: ['pwd', 'otp'],
      iat: '2030-01-01T12:00:00Z',
      nbf: '2030-01-01T12:00:00Z',
      exp: '2030-01-01T12:15:00Z',
      aud: 'app',
    });
    expect(Buffer.from(footer!, 'base64url').toString()).toBe(`{"kid":"${key.kid}"}`);
  });

  it('makes a token that OpenSSL verifies from the published key alone', async () => {
    const token = signAccessToken(key, claims);
    const [, , body, footer] = token.split('.').map((part) => Buffer.from(part, 'base64url'));
    const x = key.paserk.slice('k4.public.'.length);
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    const pieces = [Buffer.from('v4.public.'), body!.subarray(0, -64), footer!, Buffer.alloc(0)];
    const le64 = (n: number) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt(n));
      return bytes;
    };
    const input = Buffer.concat([
      le64(pieces.length),
      ...pieces.flatMap((piece) => [le64(piece.length), piece]),
    ]);
    expect(verifySignature(null, input, publicKey, body!.subarray(-64))).toBe(true);
  });

  it('makes a token that a node knowing the public key alone verifies', async () => {
    const verifyKey = await verifyKeyFromPublic(key.publicKey);
    const token = signAccessToken(key, claims);
    expect(await verifyAccessToken(token, { ...expected, findKey: () => verifyKey })).toEqual(
      claims,
    );
  });
});

describe('verifyAccessToken: time', () => {
  it('accepts until the second of expiry and not at it', async () => {
    const token = signAccessToken(key, claims);
    expect(await verifyAccessToken(token, { ...expected, now: inSeconds(899) })).not.toBeNull();
    expect(await verifyAccessToken(token, { ...expected, now: inSeconds(900) })).toBeNull();
  });

  it('bears a clock that is 60 seconds behind the issuer, and no more', async () => {
    const token = signAccessToken(key, claims);
    expect(await verifyAccessToken(token, { ...expected, now: inSeconds(-60) })).not.toBeNull();
    expect(await verifyAccessToken(token, { ...expected, now: inSeconds(-61) })).toBeNull();
  });

  it('refuses forged times: missing, ill-formed, in the future, without end', async () => {
    const bad: Record<string, unknown>[] = [
      { exp: undefined },
      { iat: undefined },
      { nbf: undefined },
      { exp: rfc3339(inSeconds(-1)) },
      { nbf: rfc3339(inSeconds(61)) },
      { iat: rfc3339(inSeconds(61)) },
      { exp: '9999-12-31T23:59:59Z' },
      { exp: rfc3339(inSeconds(86_401)) },
      { exp: '2030-01-01' },
      { exp: '2030-02-30T12:00:00Z' },
      { exp: '2030-01-01T12:15:00' },
      { exp: 1_893_500_000 },
      { iat: 'yesterday' },
      { nbf: null },
    ];
    for (const changes of bad)
      expect([changes, await verifyAccessToken(await forge(changes), expected)]).toEqual([
        changes,
        null,
      ]);
    expect(await verifyAccessToken(await forge({}), expected)).not.toBeNull();
  });
});

describe('verifyAccessToken: claims', () => {
  it('refuses claims that are missing or of another type', async () => {
    const bad: Record<string, unknown>[] = [
      { iss: undefined },
      { iss: 'urn:authctl:other' },
      { iss: [claims.issuer] },
      { sub: undefined },
      { sub: 'ann' },
      { sub: claims.subject.toUpperCase() },
      { sid: undefined },
      { sid: { id: claims.sessionId } },
      { jti: undefined },
      { jti: 7 },
      { role: undefined },
      { role: ['admin'] },
      { amr: undefined },
      { amr: 'pwd' },
      { amr: [1] },
    ];
    for (const changes of bad)
      expect([changes, await verifyAccessToken(await forge(changes), expected)]).toEqual([
        changes,
        null,
      ]);
  });

  it('asks for the configured audience', async () => {
    const withAudience = { ...expected, audience: 'app' };
    const token = signAccessToken(key, { ...claims, audience: 'app' });
    expect(await verifyAccessToken(token, withAudience)).toEqual({ ...claims, audience: 'app' });
    const other = signAccessToken(key, { ...claims, audience: 'other' });
    expect(await verifyAccessToken(other, withAudience)).toBeNull();
    const none = signAccessToken(key, claims);
    expect(await verifyAccessToken(none, withAudience)).toBeNull();
  });

  it('refuses payloads that are no JSON object', async () => {
    for (const payload of ['[]', 'null', '"x"', '{', '', '{"a":1}x'])
      expect(
        await verifyAccessToken(await signRaw(payload, key.verify.footer), expected),
      ).toBeNull();
  });
});

describe('verifyAccessToken: footer and keys', () => {
  it('fails closed on an unknown key, without asking for ids of another form', async () => {
    const token = signAccessToken(key, claims);
    expect(await verifyAccessToken(token, { ...expected, findKey: () => null })).toBeNull();
    const asked: string[] = [];
    const spy = { ...expected, findKey: (kid: string) => void asked.push(kid) as undefined };
    const kids = [
      "x' OR 1=1--",
      '../../etc/passwd',
      'k4.pid.',
      `k4.lid.${'A'.repeat(44)}`,
      '__proto__',
    ];
    for (const kid of kids)
      await verifyAccessToken(await forge({}, Buffer.from(JSON.stringify({ kid }))), spy);
    expect(asked).toEqual([]);
  });

  it('refuses every footer but the one we write, although signed by the right key', async () => {
    const footers = [
      '',
      '{}',
      `{"kid": "${key.kid}"}`,
      `{"kid":"${key.kid}","kid":"${key.kid}"}`,
      `{"kid":"${key.kid}","x":1}`,
      `{"kid":"${key.kid}"}\n`,
      key.kid,
      JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, i]))),
      'x'.repeat(1_000_000),
    ];
    for (const footer of footers)
      expect(await verifyAccessToken(await forge({}, Buffer.from(footer)), expected)).toBeNull();
  });

  it('refuses a token signed by another key under this id', async () => {
    const other = await signingKeyFromSeed(randomBytes(32));
    const token = signAccessToken({ ...other, verify: key.verify }, claims);
    expect(await verifyAccessToken(token, expected)).toBeNull();
  });

  it('refuses a token with an implicit assertion', async () => {
    const [, , body = ''] = signAccessToken(key, claims).split('.');
    const message = Buffer.from(body, 'base64url').subarray(0, -64);
    const { footer } = key.verify;
    expect(signV4Public(key.secretKey, message, footer)).toBe(signAccessToken(key, claims));
    const token = signV4Public(key.secretKey, message, footer, Buffer.from('x'));
    expect(await verifyAccessToken(token, expected)).toBeNull();
  });
});

describe('verifyAccessToken: spelling', () => {
  it('refuses every other version, purpose and kind of text', async () => {
    const token = signAccessToken(key, claims);
    const rest = token.slice('v4.public.'.length);
    const texts = [
      ...['v1', 'v2', 'v3', 'v5', 'V4', ''].map((version) => `${version}.public.${rest}`),
      `v4.local.${rest}`,
      `v4.secret.${rest}`,
      rest,
      '',
      '.',
      '...',
      'v4.public.',
      'v4.public..',
      `v4.public..${token.split('.')[3]}`,
      'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.',
      'ft_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
      'x'.repeat(1_000_000),
    ];
    for (const text of texts) expect(await verifyAccessToken(text, expected)).toBeNull();
  });

  it('refuses all alternative spellings of a good token, at every length of the last group', async () => {
    for (const role of ['a', 'ab', 'abc']) {
      const token = signAccessToken(key, { ...claims, role });
      expect(await verifyAccessToken(token, expected)).not.toBeNull();
      for (const other of respell(token))
        expect([other, await verifyAccessToken(other, expected)]).toEqual([other, null]);
    }
  });

  it('refuses a token with any bit flipped', async () => {
    const token = signAccessToken(key, claims);
    const bytes = Buffer.from(token, 'latin1');
    for (let at = 0; at < bytes.length; at += 1) {
      const flipped = Array.from({ length: 8 }, (_, bit) => {
        const copy = Buffer.from(bytes);
        copy[at]! ^= 1 << bit;
        return copy.toString('latin1');
      });
      const answers = await Promise.all(flipped.map((text) => verifyAccessToken(text, expected)));
      expect(answers).toEqual(Array(8).fill(null));
    }
  });
});

/** Other texts that a lenient decoder takes for the same token. */
function* respell(token: string): Generator<string> {
  const parts = token.split('.');
  for (const at of [2, 3]) {
    const part = parts[at]!;
    const put = (text: string) => parts.with(at, text).join('.');
    yield* [put(`${part}=`), put(`${part}==`), put(`${part} `), put(` ${part}`), put(`${part}\n`)];
    const classic = part.replaceAll('-', '+').replaceAll('_', '/');
    if (classic !== part) yield put(classic);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const bytes = Buffer.from(part, 'base64url');
    for (const last of alphabet) {
      const text = part.slice(0, -1) + last;
      if (text !== part && Buffer.from(text, 'base64url').equals(bytes)) yield put(text);
    }
  }
  yield* [`${token}.`, `${token} `, ` ${token}`, `${token}\n`, `${token}\0`, `${token}.AA`];
}
