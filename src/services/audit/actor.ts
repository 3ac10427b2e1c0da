export const ACTOR_KINDS = ['user', 'operator', 'cli', 'system', 'anonymous'] as const;

/** Who acts: a signed-in user, an operator (by token or at the terminal), or the program itself. */
export interface Actor {
  readonly kind: (typeof ACTOR_KINDS)[number];
  readonly id?: string | undefined;
  readonly ip?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly requestId?: string | undefined;
}

/** The program acting by itself: sweeps, first start. */
export const SYSTEM_ACTOR: Actor = { kind: 'system' };

/** Somebody at a terminal on this machine, by the name of the operating system's user. */
export function cliActor(osUser: string): Actor {
  return { kind: 'cli', id: osUser };
}
