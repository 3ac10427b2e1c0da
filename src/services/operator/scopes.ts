/** What an operator's token may be good for. `…:write` includes `…:read`, `*` everything. */
export const SCOPES = [
  '*',
  'users:read',
  'users:write',
  'domains:read',
  'domains:write',
  'keys:read',
  'keys:write',
  'audit:read',
  'status:read',
  'introspect',
  'debug',
] as const;

export type Scope = (typeof SCOPES)[number];

export function isScope(text: string): text is Scope {
  return (SCOPES as readonly string[]).includes(text);
}

/** Whether the scopes a token has cover the one that is needed. */
export function covers(held: readonly string[], needed: string): boolean {
  const wider = needed.replace(/:read$/, ':write');
  return held.includes('*') || held.includes(needed) || held.includes(wider);
}
