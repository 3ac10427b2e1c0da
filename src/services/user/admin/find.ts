import { canonicaliseEmail, canonicaliseUsername } from '../../../crypto/canonical.ts';
import { isUuid } from '../../../crypto/random.ts';
import type { Db } from '../../../db/database.ts';
import type { Prisma } from '../../../db/generated/client.ts';
import { AppError } from '../../../errors.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { UserStatus } from '../view.ts';
import { type AdminUser, presentAdminUser, selectAdminUser } from './view.ts';

/** Which users to list; every filter that is given must hold. */
export interface UserFilter {
  readonly status?: UserStatus | undefined;
  readonly role?: string | undefined;
  /** The whole address, in any spelling. */
  readonly email?: string | undefined;
  /** How the address begins. */
  readonly emailPrefix?: string | undefined;
  /** The whole username, in any case. */
  readonly username?: string | undefined;
  /** A part of the address, username or phone number, in any case. */
  readonly search?: string | undefined;
  readonly twoFactor?: boolean | undefined;
  readonly createdSince?: Date | undefined;
  /** Exclusive. */
  readonly createdUntil?: Date | undefined;
}

export interface Page {
  /** `next_cursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export interface UserPage {
  readonly users: AdminUser[];
  /** null on the last page. */
  readonly next_cursor: string | null;
}

/** How operators look users up. */
export function createFindUsers({ db, clock }: { db: Db; clock: Clock }) {
  async function findOne(where: Prisma.UserWhereInput): Promise<AdminUser | null> {
    const { user } = await db.prisma();
    const row = await user.findFirst({ where, select: selectAdminUser(clock.now()) });
    return row && presentAdminUser(row);
  }

  return {
    /**
     * The newest users first. Ids grow with time, so a page shows each user once however many
     * register meanwhile.
     */
    async list(filter: UserFilter, { cursor, limit }: Page): Promise<UserPage> {
      const { user } = await db.prisma();
      const before = cursor !== undefined && isUuid(cursor) ? [{ id: { lt: cursor } }] : [];
      const rows = await user.findMany({
        where: { AND: [...conditionsOf(filter), ...before] },
        orderBy: { id: 'desc' },
        take: limit + 1,
        select: selectAdminUser(clock.now()),
      });
      const users = rows.slice(0, limit).map(presentAdminUser);
      const hasMore = rows.length > limit;
      return { users, next_cursor: hasMore ? (users.at(-1)?.id ?? null) : null };
    },

    /** @throws AppError `not_found` */
    async get(userId: string): Promise<AdminUser> {
      const user = isUuid(userId) ? await findOne({ id: userId }) : null;
      if (user) return user;
      throw new AppError('not_found', { text: 'There is no such user.' });
    },

    /**
     * Finds a user by what an operator has at hand: id, e-mail address, or a unique username.
     * @throws AppError `not_found`
     */
    async resolve(text: string): Promise<AdminUser> {
      const where = uniqueWhere(text);
      const user = where && (await findOne(where));
      if (user) return user;
      throw new AppError('not_found', {
        text: `There is no user ${text}.`,
        hint: 'name an id, an e-mail address or a unique username: authctl users list --search …',
      });
    },
  };
}

function uniqueWhere(text: string): Prisma.UserWhereInput | null {
  if (isUuid(text)) return { id: text };
  const email = canonicaliseEmail(text);
  if (email !== null) return { email };
  const usernameKey = canonicaliseUsername(text)?.key;
  return usernameKey === undefined ? null : { usernameKey };
}

function conditionsOf(filter: UserFilter): Prisma.UserWhereInput[] {
  const { status, role, email, emailPrefix, username, search, twoFactor } = filter;
  const { createdSince, createdUntil } = filter;
  const anyCase = { mode: 'insensitive' } as const;
  return [
    ...(status === undefined ? [] : [{ status }]),
    ...(role === undefined ? [] : [{ role }]),
    // What is no address is nobody's: an empty text matches no row.
    ...(email === undefined ? [] : [{ email: canonicaliseEmail(email) ?? '' }]),
    ...(emailPrefix === undefined ? [] : [{ email: { startsWith: literal(lower(emailPrefix)) } }]),
    ...(username === undefined ? [] : [{ username: { equals: literal(username), ...anyCase } }]),
    ...(search === undefined
      ? []
      : [
          {
            OR: [
              { email: { contains: literal(lower(search)) } },
              { username: { contains: literal(search), ...anyCase } },
              { phone: { contains: literal(search.replaceAll(' ', '')) } },
            ],
          },
        ]),
    ...(twoFactor === undefined ? [] : [{ totp: twoFactor ? { isNot: null } : { is: null } }]),
    ...(createdSince === undefined ? [] : [{ createdAt: { gte: createdSince } }]),
    ...(createdUntil === undefined ? [] : [{ createdAt: { lt: createdUntil } }]),
  ];
}

/** Prisma hands text filters to LIKE as they are: `%`, `_` and `\` must stand for themselves. */
function literal(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}

function lower(text: string): string {
  return text.trim().toLowerCase();
}
