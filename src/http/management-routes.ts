import type { AdminServices } from './admin-route.ts';
import { listAudit } from './handlers/admin/audit.ts';
import {
  addDomain,
  changeDomain,
  listDomains,
  removeDomain,
  verifyDomain,
} from './handlers/admin/domains.ts';
import { listKeys, retireKey, rotateKey } from './handlers/admin/keys.ts';
import { cpuProfile, heapProfile, self, status } from './handlers/admin/operations.ts';
import {
  endAllSessions,
  endUserSession,
  endUserSessions,
  listUserSessions,
} from './handlers/admin/sessions.ts';
import { forwardAuth, introspect } from './handlers/admin/tokens.ts';
import {
  changeUser,
  createUser,
  deleteUser,
  getUser,
  listUsers,
  resetTwoFactor,
  setPassword,
} from './handlers/admin/users.ts';
import type { Route } from './kernel/route.ts';

/** THE table of the management listener, in the order of its document. */
export const MANAGEMENT_ROUTES: readonly Route<AdminServices>[] = [
  listUsers,
  createUser,
  getUser,
  changeUser,
  deleteUser,
  setPassword,
  resetTwoFactor,
  listUserSessions,
  endUserSessions,
  endUserSession,
  endAllSessions,
  listDomains,
  addDomain,
  changeDomain,
  verifyDomain,
  removeDomain,
  listKeys,
  rotateKey,
  retireKey,
  listAudit,
  introspect,
  forwardAuth,
  status,
  self,
  cpuProfile,
  heapProfile,
];
