/** A number with its noun: `counted(1, 'session')` is "1 session", any other number has the plural. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
