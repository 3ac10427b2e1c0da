import { argon2Sync, createHmac } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { startAppliance } from '../../support/appliance.ts';

/** The formula of docs/threat-model.md and the hash of OpenSSL: nothing of the product's own. */
test('every stored hash is what OpenSSL makes of its password', async () => {
  const appliance = await startAppliance({ env: { AUTHCTL_HASH_MODE: 'sync' } });
  onTestFinished(() => appliance.stop());
  const passwords = Array.from({ length: 12 }, (_, index) => `caf\u00e9 ${index} by the harbour`);
  for (const [index, password] of passwords.entries()) {
    // Half of them are typed apart, and are the same password.
    const typed = index % 2 ? password.normalize('NFD') : password;
    const body = { email: `interop${index}@open.example`, password: typed };
    expect((await appliance.call('/v1/register', { body })).status).toBe(201);
  }
  const rows = await appliance.sql<{ id: Buffer; kid: string; salt: Buffer; phc: string }>(
    `SELECT uuid_send(user_id) AS id, pepper_kid AS kid, salt, phc
     FROM credentials JOIN users ON id = user_id
     ORDER BY length(email), email`,
  );
  const { pepper } = await appliance.core.keys.ring();
  const made = rows.map(({ id, kid, salt, phc }, index) => {
    const message = createHmac('sha256', pepper.byKid.get(kid)!)
      .update(Buffer.concat([Buffer.from('authctl/pw/v1\0'), id, salt]))
      .update(passwords[index]!)
      .digest();
    const nonce = Buffer.from(phc.split('$')[4]!, 'base64');
    const cost = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 };
    const hash = argon2Sync('argon2id', { message, nonce, ...cost });
    const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
    return `$argon2id$v=19$m=19456,t=2,p=1$${text(nonce)}$${text(hash)}`;
  });
  expect(rows.map(({ phc }) => phc)).toEqual(made);
});
