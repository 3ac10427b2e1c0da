/** Who acts: a signed-in user, an operator (by token or at the terminal), or the program itself. */
export interface Actor {
  readonly kind: 'user' | 'operator' | 'cli' | 'system' | 'anonymous';
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
