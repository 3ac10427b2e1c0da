import { domainOf } from '../../../crypto/canonical.ts';
import { generatePassword } from '../../../crypto/generated-password.ts';
import { uuidv7 } from '../../../crypto/random.ts';
import { type Db, statement } from '../../../db/database.ts';
import { isUniqueViolation } from '../../../db/errors.ts';
import { AppError } from '../../../errors.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Actor } from '../../audit/actor.ts';
import { recordAudit } from '../../audit/record.ts';
import type { DomainDirectory } from '../../domain/directory.ts';
import type { Events } from '../../event/events.ts';
import type { PasswordTools } from '../../password/tools.ts';
import {
  type IdentityInput,
  type IdentityPolicy,
  parseIdentity,
} from '../../registration/identity.ts';
import { checkRole } from './role.ts';

export interface CreateUserDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly identities: IdentityPolicy;
  readonly domains: DomainDirectory;
  readonly passwordTools: () => Promise<PasswordTools>;
  readonly events: Events;
}

export interface NewUser extends IdentityInput {
  /** One is drawn where none is given. */
  readonly password?: string | undefined;
  readonly role?: string | undefined;
  /** The operator vouches for the mailbox; else the user proves it at the first sign-in. */
  readonly emailVerified?: boolean | undefined;
}

export interface CreatedUser {
  readonly userId: string;
  /** Shown once; null where the operator brought a password. */
  readonly generatedPassword: string | null;
}

const INSERT_USER = statement(
  'users.admin_insert',
  `INSERT INTO users (id, email, username, username_key, phone, status, role, email_verified_at,
                      created_at, updated_at, created_request_id)
   VALUES ($1, $2, $3, $4, $5, 'active', $6, $7, $8, $8, $9)`,
);
const INSERT_CREDENTIAL = statement(
  'credentials.admin_insert',
  `INSERT INTO credentials (user_id, pepper_kid, salt, phc, updated_at)
   VALUES ($1, $2, $3, $4, $5)`,
);

/**
 * Creates an account on an operator's word: active at once, whatever its domain asks of those who
 * register themselves. The domain must be verified all the same.
 * @throws AppError `validation_failed`, `domain_not_allowed`, `password_too_weak`,
 *   `password_breached`, `email_taken`, `username_taken`, `overloaded`
 */
export function createCreateUser(deps: CreateUserDeps) {
  const { db, clock, identities, domains, events } = deps;

  return async function createUser(actor: Actor, input: NewUser): Promise<CreatedUser> {
    const identity = parseIdentity(input, identities);
    const { email, username, usernameKey, phone } = identity;
    const role = input.role ?? 'user';
    checkRole(role);
    if (email !== null && (await domains.findPolicy(domainOf(email))) === null)
      throw new AppError('domain_not_allowed', {
        hint: `authctl domains add ${domainOf(email)}`,
      });
    const generatedPassword = input.password === undefined ? generatePassword() : null;
    const password = input.password ?? generatedPassword!;
    const { passwords, credentials } = await deps.passwordTools();
    await passwords.check(password, identity);

    const at = clock.now();
    const userId = uuidv7(at.getTime());
    const credential = await credentials.final(userId, password);
    const isVerified = email !== null && input.emailVerified === true;
    const { requestId } = actor;
    const provedAt = isVerified ? at : null;
    const user = [userId, email, username, usernameKey, phone, role, provedAt, at, requestId];
    const { pepperKid, salt, phc } = credential;
    const insert = db.transaction(async (tx) => {
      await tx.execute(INSERT_USER, user);
      await tx.execute(INSERT_CREDENTIAL, [userId, pepperKid, salt, phc, at]);
      const detail = { role, email_verified: isVerified };
      await recordAudit(tx, { at, action: 'user.created', actor, userId, detail });
      const payload = { status: 'active', username, has_email: email !== null };
      await events.record(tx, { type: 'user.registered', userId, payload });
    });
    await insert.catch((error: unknown) => {
      if (isUniqueViolation(error, 'users_email_key'))
        throw new AppError('email_taken', { hint: `authctl users show ${email}` });
      if (isUniqueViolation(error, 'users_username_key_key'))
        throw new AppError('username_taken', { hint: `authctl users show ${username}` });
      throw error;
    });
    return { userId, generatedPassword };
  };
}
