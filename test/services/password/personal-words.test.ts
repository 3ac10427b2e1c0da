import { expect, test } from 'vitest';
import {
  isBuiltOn,
  personalWords,
  wordsOf,
} from '../../../src/services/password/personal-words.ts';

const words = [
  ...wordsOf(['Radium Shop', 'auth.curie-labs.example']),
  ...personalWords({ email: 'marie.sklodowska67@polonium-institute.example', username: 'M_Curie' }),
];

test.each([
  // The local part, whole and in parts.
  'marie.sklodowska67',
  'Marie.Sklodowska67',
  'MARIE.SKLODOWSKA67!',
  'marie.sklodowska',
  'mariesklodowska',
  'MarieSklodowska67',
  'mariesklodowska1903',
  'marie-sklodowska',
  'marie_sklodowska_67',
  'sklodowska',
  'Sklodowska1',
  'sklodowska67!',
  'SKLODOWSKA2026',
  '123sklodowska',
  '!!sklodowska!!',
  'sklodowskamarie',
  'sklodowska.marie',
  'marie12345',
  'Marie2026!',
  'mariemarie',
  'marie marie marie',
  '1867marie',
  'ｍａｒｉｅ１８６７',
  'Skl0d0wsk41867!',
  'm4r1e2026!!',
  'Pol0nium#99',
  'R4diumSh0p!!',
  // The username.
  'm_curie1',
  'M_Curie2026',
  'mcurie99',
  'MCURIE!!',
  'curie1867',
  'Curie_1867',
  'curiecurie',
  'xxcuriexx',
  // The domain.
  'polonium1',
  'Polonium2026!',
  'polonium-institute',
  'poloniuminstitute',
  'Institute#1',
  'institute2026',
  'polonium-institute.example',
  'polonium84polonium',
  '@polonium',
  // The service.
  'radiumshop',
  'Radium Shop',
  'RadiumShop1',
  'radium-shop!',
  'radium88',
  'Radium2026!',
  'shopshop',
  'shop12345',
  'curie-labs',
  'curielabs26',
  // Several of them.
  'marie@polonium-institute.example',
  'marie@radium',
  'curie+radium+sklodowska',
  'M_Curie@RadiumShop',
  'Marie-Curie-2026',
])('%s is refused: fewer than 8 code points are left without the words', (password) => {
  expect(isBuiltOn(password, words)).toBe(true);
});

test.each([
  'correct horse battery staple',
  'marie likes long sentences',
  'polonium glows at night',
  'sklodowska-kestrel', // exactly 8 are left
  'mar1e-kestrel',
])('%s is accepted: a word in it does not spoil the rest', (password) => {
  expect(isBuiltOn(password, words)).toBe(false);
});

test('words of fewer than 4 code points and the top-level domain do not count', () => {
  const few = personalWords({ email: 'ada@abc.museum', username: 'bob' });
  expect(few).toEqual(['abc.museum']);
  expect(isBuiltOn('ada-bob-abc', few)).toBe(false);
});

test('without names nothing is built on them', () => {
  expect(personalWords({ email: null, username: null })).toEqual([]);
  expect(isBuiltOn('anything!', [])).toBe(false);
});
