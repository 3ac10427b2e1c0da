import { hashRaw as rustHash } from '@node-rs/argon2';
import { argon2id, hash as referenceHash } from 'argon2';
import { describe, expect, it } from 'vitest';
import { argon2Engine } from '../../../src/crypto/argon2/argon2.ts';
import { nodeRsEngine } from '../../../src/crypto/argon2/node-rs.ts';
import { randomBytes, randomInt } from '../../../src/crypto/random.ts';
import { hex, readVectors } from '../../support/json-vectors.ts';

interface Argon2Vectors {
  rfc9106: {
    password: string;
    salt: string;
    secret: string;
    associatedData: string;
    memoryKib: number;
    passes: number;
    parallelism: number;
    length: number;
    hash: string;
  };
  reference: {
    hashes: {
      memoryKib: number;
      passes: number;
      parallelism: number;
      password: string;
      salt: string;
      hash: string;
    }[];
  };
}

const { rfc9106, reference } = readVectors<Argon2Vectors>('argon2id.json');
const engines = [nodeRsEngine, argon2Engine];

describe.each(engines)('$name', ({ hashRaw }) => {
  it.each(reference.hashes)(
    'computes the reference hash of $password, m=$memoryKib t=$passes p=$parallelism',
    async (vector) => {
      const { password, salt, hash, ...cost } = vector;
      const raw = await hashRaw(Buffer.from(password), Buffer.from(salt), { ...cost, length: 32 });
      expect(raw.toString('hex')).toBe(hash);
    },
  );

  it('takes any bytes as input, zero bytes and invalid UTF-8 included', async () => {
    const cost = { memoryKib: 64, passes: 1, parallelism: 1, length: 32 };
    const inputs = [hex('00'), hex('0000'), hex('ff'), hex('fe'), hex('ff00'), hex('00ff')];
    const hashes = await Promise.all(inputs.map((input) => hashRaw(input, Buffer.alloc(16), cost)));
    expect(new Set(hashes.map((hash) => hash.toString('hex'))).size).toBe(inputs.length);
  });
});

it('each engine reproduces the other on random input, salt, cost, length and variant', async () => {
  for (let round = 0; round < 40; round += 1) {
    const parallelism = randomInt(1, 5);
    const params = {
      parallelism,
      memoryKib: 8 * parallelism + randomInt(0, 300),
      passes: randomInt(1, 4),
      length: randomInt(16, 65),
      variant: round % 2 === 0 ? ('id' as const) : ('i' as const),
    };
    const input = randomBytes(randomInt(1, 65));
    const salt = randomBytes(randomInt(8, 33));
    const [left, right] = await Promise.all(
      engines.map((engine) => engine.hashRaw(input, salt, params)),
    );
    expect(left).toEqual(right);
    expect(left).toHaveLength(params.length);
  }
});

describe('the Argon2id vector of RFC 9106', () => {
  const { memoryKib, passes, parallelism, length } = rfc9106;
  const [password, salt] = [hex(rfc9106.password), hex(rfc9106.salt)];
  const secret = hex(rfc9106.secret);
  const options = { raw: true, type: argon2id, version: 0x13, salt, secret } as const;
  const cost = { memoryCost: memoryKib, timeCost: passes, parallelism };

  it('is reproduced by argon2, with its secret and associated data', async () => {
    const associatedData = hex(rfc9106.associatedData);
    const hash = await referenceHash(password, {
      ...options,
      ...cost,
      hashLength: length,
      associatedData,
    });
    expect(hash.toString('hex')).toBe(rfc9106.hash);
  });

  it('is reproduced alike by both without the associated data, which node-rs does not take', async () => {
    const expected = await referenceHash(password, { ...options, ...cost, hashLength: length });
    const actual = await rustHash(password, {
      ...cost,
      salt,
      secret,
      outputLen: length,
      algorithm: 2,
      version: 1,
    });
    expect(actual).toEqual(expected);
  });
});
