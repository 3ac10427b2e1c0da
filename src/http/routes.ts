import type { Services } from '../services/index.ts';
import { forgot, forgotVerify, resend, reset, twoFactor, verify } from './handlers/flows.ts';
import { keys } from './handlers/keys.ts';
import {
  changeEmail,
  changePassword,
  deleteMe,
  exportMe,
  me,
  updateMe,
  verifyEmailChange,
} from './handlers/me.ts';
import { register } from './handlers/registration.ts';
import { endSession, listSessions, login, logout, logoutAll, refresh } from './handlers/session.ts';
import {
  beginTotp,
  confirmTotp,
  disableTotp,
  regenerateRecoveryCodes,
} from './handlers/two-factor.ts';
import type { Route } from './kernel/route.ts';

/** THE table: every route of the public listener, in the order of the document. */
export const PUBLIC_ROUTES: readonly Route<Services>[] = [
  register,
  verify,
  resend,
  login,
  twoFactor,
  forgot,
  forgotVerify,
  reset,
  refresh,
  logout,
  logoutAll,
  me,
  updateMe,
  deleteMe,
  exportMe,
  changePassword,
  changeEmail,
  verifyEmailChange,
  beginTotp,
  confirmTotp,
  disableTotp,
  regenerateRecoveryCodes,
  listSessions,
  endSession,
  keys,
];
