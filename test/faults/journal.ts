import { randomInt } from 'node:crypto';
import { expect } from 'vitest';
import type { Installation } from '../support/process.ts';
import { PASSWORD } from '../support/registration-load.ts';

/** A moment nobody chose, within these milliseconds. */
export function randomMoment(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, randomInt(milliseconds)));
}

/** Every acknowledged account exists exactly once and whole, and nothing exists in part or twice. */
export async function expectAllKept(
  installation: Installation,
  acknowledged: readonly string[],
): Promise<void> {
  const rows = await installation.sql<{ email: string; accounts: number; credentials: number }>(
    `SELECT email, count(*)::int AS accounts, count(c.user_id)::int AS credentials
     FROM users AS u LEFT JOIN credentials AS c ON c.user_id = u.id GROUP BY email`,
  );
  expect(rows.filter(({ accounts, credentials }) => accounts !== 1 || credentials !== 1)).toEqual(
    [],
  );
  const stored = new Set(rows.map(({ email }) => email));
  expect(acknowledged.filter((email) => !stored.has(email))).toEqual([]);
}

/** Some accounts, spread over the list, can sign in with their password. */
export async function expectLogins(
  url: string,
  emails: readonly string[],
  some = 8,
): Promise<void> {
  const step = Math.max(1, Math.floor(emails.length / some));
  const sample = emails.filter((_, index) => index % step === 0);
  expect(sample.length).toBeGreaterThan(0);
  for (const email of sample) {
    const response = await fetch(`${url}/v1/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ email, password: PASSWORD }),
    });
    expect({ email, status: response.status }).toEqual({ email, status: 200 });
  }
}
