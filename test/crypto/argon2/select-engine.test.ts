import { expect, it } from 'vitest';
import { argon2Engine } from '../../../src/crypto/argon2/argon2.ts';
import type { Argon2Engine } from '../../../src/crypto/argon2/engine.ts';
import { nodeRsEngine } from '../../../src/crypto/argon2/node-rs.ts';
import { selectEngine } from '../../../src/crypto/argon2/select-engine.ts';

const missing = () => Promise.reject(new Error('no binding for this platform'));
const argon2 = () => Promise.resolve(argon2Engine);
const nodeRs = () => Promise.resolve(nodeRsEngine);

it('takes the fast engine where its binding loads, and the one asked for', async () => {
  expect((await selectEngine('auto')).name).toBe('node-rs');
  expect((await selectEngine('node-rs')).name).toBe('node-rs');
  expect((await selectEngine('argon2')).name).toBe('argon2');
});

it('falls back when the binding does not load', async () => {
  expect((await selectEngine('auto', { 'node-rs': missing, argon2 })).name).toBe('argon2');
});

it('falls back when the binding loads and computes something else', async () => {
  const broken: Argon2Engine = {
    name: 'node-rs',
    hashRaw: () => Promise.resolve(Buffer.alloc(32)),
  };
  const loaders = { 'node-rs': () => Promise.resolve(broken), argon2 };
  expect((await selectEngine('auto', loaders)).name).toBe('argon2');
});

it('says what to do when the engine asked for, or every engine, does not work', async () => {
  const refusal = { code: 'config_invalid', hint: expect.stringContaining('npm ci') };
  await expect(selectEngine('node-rs', { 'node-rs': missing, argon2 })).rejects.toMatchObject(
    refusal,
  );
  await expect(
    selectEngine('argon2', { 'node-rs': nodeRs, argon2: missing }),
  ).rejects.toMatchObject(refusal);
  await expect(selectEngine('auto', { 'node-rs': missing, argon2: missing })).rejects.toMatchObject(
    refusal,
  );
});
