import type { Services } from '../services/index.ts';
import { keys } from './handlers/keys.ts';
import { me } from './handlers/me.ts';
import { register } from './handlers/registration.ts';
import { endSession, listSessions, login, logout, logoutAll, refresh } from './handlers/session.ts';
import type { Route } from './kernel/route.ts';

/** THE table: every route of the public listener, in the order of the document. */
export const PUBLIC_ROUTES: readonly Route<Services>[] = [
  register,
  login,
  refresh,
  logout,
  logoutAll,
  me,
  listSessions,
  endSession,
  keys,
];
