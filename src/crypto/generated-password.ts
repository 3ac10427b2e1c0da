import { randomCode } from './random.ts';

const GROUPS = 6;

/**
 * Draws a password to be handed to a person: 120 bits, in groups that can be read out. It has upper
 * and lower case, digits and hyphens, so that no composition rule refuses it.
 */
export function generatePassword(): string {
  for (;;) {
    const groups = Array.from({ length: GROUPS }, (_, index) =>
      index % 2 === 0 ? randomCode(4) : randomCode(4).toLowerCase(),
    );
    const password = groups.join('-');
    if (/[0-9]/.test(password) && /[A-Z]/.test(password) && /[a-z]/.test(password)) return password;
  }
}
