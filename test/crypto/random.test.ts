import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CODE_ALPHABET,
  formatUuid,
  isUuid,
  randomBytes,
  randomCode,
  randomInt,
  uuidBytes,
  uuidv7,
  withJitter,
} from '../../src/crypto/random.ts';

describe('randomBytes', () => {
  it('returns the length asked for, below and above what the pool serves', () => {
    for (const length of [0, 1, 16, 255, 256, 257, 10_000])
      expect(randomBytes(length)).toHaveLength(length);
  });

  it('never hands out the same bytes twice, across many refills of the pool', () => {
    const draws = Array.from({ length: 50_000 }, () => randomBytes(16).toString('hex'));
    expect(new Set(draws).size).toBe(draws.length);
  });

  it('hands out bytes that later draws do not change', () => {
    const first = randomBytes(32);
    const before = first.toString('hex');
    for (let i = 0; i < 1_000; i += 1) randomBytes(32);
    expect(first.toString('hex')).toBe(before);
  });
});

describe('randomInt', () => {
  it('stays below its upper bound and reaches both ends', () => {
    const draws = new Set(Array.from({ length: 500 }, () => randomInt(3, 6)));
    expect(draws).toEqual(new Set([3, 4, 5]));
  });
});

describe('withJitter', () => {
  it('adds up to a fifth, never takes away, and spreads', () => {
    const draws = Array.from({ length: 500 }, () => withJitter(1_000));
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...draws)).toBeLessThanOrEqual(1_200);
    expect(new Set(draws).size).toBeGreaterThan(50);
    expect(withJitter(0)).toBe(0);
  });
});

describe('randomCode', () => {
  it('uses an alphabet without look-alikes, of a size that divides 256', () => {
    expect(new Set(CODE_ALPHABET).size).toBe(32);
    expect(CODE_ALPHABET).not.toMatch(/[01IO]/);
  });

  it('uses every symbol about equally often', () => {
    const counts = new Map<string, number>();
    for (const symbol of randomCode(64_000)) counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
    expect(counts.size).toBe(32);
    // 2,000 expected each, standard deviation 44: ten deviations are never reached by chance.
    for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(440);
  });
});

describe('uuidv7', () => {
  it('has the layout of RFC 9562 section 5.7', () => {
    const uuid = uuidv7(Date.UTC(2040, 0, 1));
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(isUuid(uuid)).toBe(true);
    expect(uuidBytes(uuid).readUIntBE(0, 6)).toBe(Date.UTC(2040, 0, 1));
  });

  it('always increases, within one millisecond, past a full counter and when the clock goes back', () => {
    const start = Date.UTC(2041, 0, 1);
    const times = [
      ...Array.from({ length: 10_000 }, () => start),
      ...Array.from({ length: 100 }, () => start - 3_600_000),
      ...Array.from({ length: 100 }, (_, i) => start + 60_000 + i),
    ];
    const uuids = times.map((time) => uuidv7(time));
    const isRising = uuids.every((uuid, i) => i === 0 || uuid > uuids[i - 1]!);
    expect(isRising).toBe(true);
  });

  it('differs from its neighbour in bits that cannot be predicted', () => {
    const tails = Array.from({ length: 1_000 }, () => uuidv7(0).slice(19));
    expect(new Set(tails).size).toBe(1_000);
  });
});

describe('uuidBytes', () => {
  it('is the inverse of formatUuid', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const uuid = formatUuid(Buffer.from(bytes));
        expect(isUuid(uuid)).toBe(true);
        expect(uuidBytes(uuid)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('reads the example of RFC 9562 appendix A.6', () => {
    const bytes = uuidBytes('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
    expect(bytes.readUIntBE(0, 6)).toBe(1_645_557_742_000);
  });

  it('throws on what is no UUID', () => {
    for (const text of [
      '',
      'x',
      '017f22e2-79b0-7cc3-98c4-dc0c0c07398',
      'g17f22e2-79b0-7cc3-98c4-dc0c0c07398f',
    ])
      expect(() => uuidBytes(text)).toThrow(TypeError);
  });
});
