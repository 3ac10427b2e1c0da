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

export interface RuleSettings {
  readonly login: {
    readonly tries: number;
    readonly windowMs: number;
    readonly maxWaitMs: number;
    readonly emailBudget: number;
  };
  readonly flow: { readonly tries: number; readonly windowMs: number };
  readonly factor: { readonly tries: number; readonly windowMs: number };
  readonly mail: { readonly hourly: number; readonly daily: number };
  readonly sms: { readonly hourly: number; readonly daily: number; readonly total: number };
}

export type Rules = ReturnType<typeof createRules>;

/** The layers behind the Guardian; `docs/limits.md` says what each is for. */
export function createRules({ login, flow, factor, mail, sms }: RuleSettings) {
  return {
    login: blocking('login', login.tries, login.windowMs, login.maxWaitMs),
    loginEverywhere: plain('login-everywhere', login.emailBudget, HOUR_MS),
    forgot: blocking('forgot', login.tries, login.windowMs, login.maxWaitMs),
    flow: plain('flow', flow.tries, flow.windowMs),
    factor: plain('factor', factor.tries, factor.windowMs),
    mailHour: plain('mail-hour', mail.hourly, HOUR_MS),
    mailDay: plain('mail-day', mail.daily, 24 * HOUR_MS),
    smsHour: plain('sms-hour', sms.hourly, HOUR_MS),
    smsDay: plain('sms-day', sms.daily, 24 * HOUR_MS),
    smsTotal: plain('sms-total', sms.total, 24 * HOUR_MS),
  } satisfies Record<string, Rule>;
}

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
