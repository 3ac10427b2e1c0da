import type { Argon2Variant } from '../../../crypto/argon2/engine.ts';
import { isEqual } from '../../../crypto/equal.ts';
import { isAffordable, parsePhc } from '../../../crypto/phc.ts';
import type { ForeignFormat } from './format.ts';

/** Of base64, which the format leaves out and some write. */
const PADDING = /=+(?=\$|$)/g;
const COST = /^\$argon2(?:id|i)\$v=19\$m=(\d{1,10}),t=(\d{1,10}),p=(\d{1,10})\$/;

/** `$argon2id$v=19$m=…,t=…,p=…$salt$hash` and `$argon2i$…` of the bare password. */
export const argon2: ForeignFormat = {
  name: 'argon2',
  recognises: (text) => text.startsWith('$argon2'),
  parse(text) {
    const variant: Argon2Variant = text.startsWith('$argon2id$') ? 'id' : 'i';
    const phc = parsePhc(text.replace(PADDING, ''), variant);
    if (phc === null) return isTooCostly(text) ? 'too_costly' : 'malformed';
    return {
      matches: async (password, hasher) =>
        isEqual(await hasher.hash(password, phc.salt, phc.params), phc.hash),
    };
  },
};

function isTooCostly(text: string): boolean {
  const [, memoryKib, passes, parallelism] = COST.exec(text)?.map(Number) ?? [];
  if (memoryKib === undefined || passes === undefined || parallelism === undefined) return false;
  return !isAffordable({ memoryKib, passes, parallelism });
}
