import type { Services } from '../services/index.ts';
import type { Principal } from '../services/session/authenticate.ts';
import { routeFor } from './kernel/route.ts';

/** Declares a route of this application: its handlers get these services and these callers. */
export const route = routeFor<{ services: Services; bearer: Principal; operator: unknown }>();
