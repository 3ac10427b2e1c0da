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
    login: rule('login', login.tries, login.windowMs, login.maxWaitMs),
    loginEverywhere: rule('login-everywhere', login.emailBudget, HOUR_MS),
    forgot: rule('forgot', login.tries, login.windowMs, login.maxWaitMs),
    flow: rule('flow', flow.tries, flow.windowMs),
    factor: rule('factor', factor.tries, factor.windowMs),
    mailHour: rule('mail-hour', mail.hourly, HOUR_MS),
    mailDay: rule('mail-day', mail.daily, 24 * HOUR_MS),
    smsHour: rule('sms-hour', sms.hourly, HOUR_MS),
    smsDay: rule('sms-day', sms.daily, 24 * HOUR_MS),
    smsTotal: rule('sms-total', sms.total, 24 * HOUR_MS),
  } satisfies Record<string, Rule>;
}

/** Registrations from one client network; the operator switches it on. */
export function registrationRule(perMinute: number): Rule {
  return rule('registration', perMinute, MINUTE_MS);
}

function rule(name: string, limit: number, windowMs: number, longestBlockMs = 0): Rule {
  return { name, limit, windowMs, longestBlockMs };
}
