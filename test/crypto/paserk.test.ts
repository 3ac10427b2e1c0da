import { describe, expect, it } from 'vitest';
import { k4Pid, k4Public } from '../../src/crypto/paserk.ts';
import { hex, readVectors } from '../support/json-vectors.ts';

interface PaserkVectors {
  keys: { key: string; public: string; pid: string }[];
  failing: { name: string; key: string }[];
}

const vectors = readVectors<PaserkVectors>('paserk-k4.json');

describe('the official PASERK vectors', () => {
  it.each(vectors.keys)('writes $pid', ({ key, public: serialised, pid }) => {
    expect(k4Public(hex(key))).toBe(serialised);
    expect(k4Pid(hex(key))).toBe(pid);
  });

  it.each(vectors.failing)('refuses $name', ({ key }) => {
    expect(() => k4Pid(hex(key))).toThrow(TypeError);
    expect(() => k4Public(hex(key))).toThrow(TypeError);
  });
});
