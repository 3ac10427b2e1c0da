/** How many hits a counter takes in a window, and what happens when it is full. */
export interface Rule {
  /** Begins the key of each of its counters, so that no rule can touch another's. */
  readonly name: string;
  /** Hits in one window; one more is refused. At least 2 where `longestBlockMs` is set. */
  readonly limit: number;
  /** A window begins with its first hit. */
  readonly windowMs: number;
  /**
   * A counter that is full blocks for a window, and twice as long each time it fills up again, at
   * most this long. 0: it only waits for its window to end.
   */
  readonly longestBlockMs: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** The layers behind the Guardian; `docs/limits.md` says what each is for. */
export const RULES = {
  login: blocking('login', 5, 5 * MINUTE_MS, 15 * MINUTE_MS),
  loginEverywhere: plain('login-everywhere', 50, HOUR_MS),
  forgot: blocking('forgot', 5, 5 * MINUTE_MS, 15 * MINUTE_MS),
  flow: plain('flow', 5, 5 * MINUTE_MS),
  factor: plain('factor', 5, 30 * MINUTE_MS),
  mailHour: plain('mail-hour', 5, HOUR_MS),
  mailDay: plain('mail-day', 20, 24 * HOUR_MS),
} as const satisfies Record<string, Rule>;

/** Registrations from one client network; the operator switches it on. */
export function registrationRule(perMinute: number): Rule {
  return plain('registration', perMinute, MINUTE_MS);
}

function plain(name: string, limit: number, windowMs: number): Rule {
  return { name, limit, windowMs, longestBlockMs: 0 };
}

function blocking(name: string, limit: number, windowMs: number, longestBlockMs: number): Rule {
  return { name, limit, windowMs, longestBlockMs };
}
