import { AppError } from '../../errors.ts';

/** The longest token we make is well under this; a longer one is not worth a look. */
const MAX_TOKEN_LENGTH = 4_096;
/** RFC 6750 §2.1: the token68 alphabet, after one space or more (RFC 9110 §11.4). */
const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i;

/** @returns the token an `Authorization` header presents. @throws AppError `invalid_token` */
export function bearerToken(header: string | undefined): string {
  const match = header && header.length <= MAX_TOKEN_LENGTH ? BEARER.exec(header) : null;
  if (!match?.[1]) throw new AppError('invalid_token');
  return match[1];
}
