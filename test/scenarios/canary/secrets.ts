import { decodeBase32 } from '../../support/authenticator.ts';

/** What must lie nowhere, by what it is. */
export type Secrets = Record<string, string>;

/** The names of the secrets that a text holds, however they are spelled. */
export function findSecrets(text: string, secrets: Secrets): string[] {
  const lower = text.toLowerCase();
  return Object.entries(secrets)
    .filter(([, secret]) => spellings(secret).some((form) => lower.includes(form.toLowerCase())))
    .map(([name]) => name);
}

function spellings(secret: string): string[] {
  const forms = [secret, secret.replaceAll('-', ''), encodeURIComponent(secret)];
  const bytes: Buffer[] = [Buffer.from(secret), Buffer.from(secret.replaceAll('-', ''))];
  if (/^[A-Z2-7]{32}$/.test(secret)) bytes.push(decodeBase32(secret));
  for (const raw of bytes)
    forms.push(raw.toString('hex'), raw.toString('base64').replace(/=+$/, ''));
  return forms;
}
