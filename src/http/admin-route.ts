import type { Profiler } from '../lib/profiler.ts';
import type { AuditSearch } from '../services/audit/search.ts';
import type { Domains } from '../services/domain/domains.ts';
import type { KeyAdmin } from '../services/key/admin.ts';
import type { OperatorPrincipal } from '../services/operator/authenticate.ts';
import type { Operators } from '../services/operator/operators.ts';
import type { Scope } from '../services/operator/scopes.ts';
import type { Authenticator, Principal } from '../services/session/authenticate.ts';
import type { StatusReport } from '../services/status/status.ts';
import type { UserAdmin } from '../services/user/admin.ts';
import { routeFor } from './kernel/route.ts';

/** What the handlers of the management listener work with. */
export interface AdminServices {
  readonly users: UserAdmin;
  readonly operators: Operators;
  readonly domains: Domains;
  readonly keys: KeyAdmin;
  readonly audit: AuditSearch;
  readonly authenticator: Authenticator;
  readonly profiler: Profiler;
  status(): Promise<StatusReport>;
}

/** Declares a route of the management listener. */
export const adminRoute = routeFor<{
  services: AdminServices;
  bearer: Principal;
  operator: OperatorPrincipal;
}>();

/** Who may call a route: an operator whose token has this scope. */
export function operatorsWith<const S extends Exclude<Scope, '*'>>(scope: S) {
  return { auth: 'operator', scope } as const;
}
