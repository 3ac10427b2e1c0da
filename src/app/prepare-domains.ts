import { AppError } from '../errors.ts';
import { SYSTEM_ACTOR } from '../services/audit/actor.ts';
import type { Core } from './core.ts';

/** What a first start without any domain begins with, in development. */
const FIRST_DOMAIN = 'example.com';

/**
 * Makes the configured domains known. In development they are trusted, and a start without any
 * begins with `example.com`; in production each must be verified first, and there must be one.
 * @throws AppError `config_invalid` in production, naming what is missing
 */
export async function prepareDomains({ config, domains, directory }: Core): Promise<void> {
  const isProduction = config.env === 'production';
  const isFirstStart = !isProduction && (await domains.list()).length === 0;
  const names = config.domains.length > 0 || !isFirstStart ? config.domains : [FIRST_DOMAIN];
  await domains.seed(
    SYSTEM_ACTOR,
    names.map((name) => ({ name, trust: !isProduction })),
  );
  if (!isProduction) return;

  directory.invalidate();
  const { verified, pending } = await directory.summary();
  const unverified = config.domains.filter((name) => pending.includes(name));
  if (unverified.length > 0)
    throw new AppError('config_invalid', {
      text: `These configured domains are not verified: ${unverified.join(', ')}.`,
      hint: `authctl domains verify ${unverified[0]}`,
    });
  if (verified === 0)
    throw new AppError('config_invalid', {
      text: 'No e-mail domain is verified, so nobody could register.',
      hint: 'authctl domains add example.com, publish its TXT record, then authctl domains verify example.com',
    });
}
