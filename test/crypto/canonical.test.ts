import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicaliseDomain,
  canonicaliseEmail,
  canonicaliseUsername,
  domainOf,
  normalisePhone,
} from '../../src/crypto/canonical.ts';

describe('canonicaliseEmail', () => {
  it('makes one spelling of case and of blanks, tabs and line ends around it', () => {
    for (const raw of [
      'ann@example.com',
      'ANN@Example.COM',
      '  Ann@example.com\t',
      '\tann@example.com',
      ' ann@example.com\n',
      '\r\nann@example.com \r\n',
    ])
      expect(canonicaliseEmail(raw)).toBe('ann@example.com');
  });

  it('keeps every character of a plain local part', () => {
    const email = "a.b+c_d-e!#$%&'*/=?^`{|}~@sub.example-1.co.uk";
    expect(canonicaliseEmail(email)).toBe(email);
    expect(canonicaliseEmail('a_b@example.com')).not.toBe(canonicaliseEmail('axb@example.com'));
    expect(canonicaliseEmail('a@xn--mnchen-3ya.de')).toBe('a@xn--mnchen-3ya.de');
  });

  it('refuses Unicode look-alikes instead of mapping them to an ASCII account', () => {
    const lookalikes = [
      'mi\u212ae@example.com', // KELVIN SIGN: lower-cases and normalises to k
      'm\u0131ke@example.com', // dotless i
      'M\u0130KE@example.com', // dotted capital I
      'ro\u017fe@example.com', // long s: upper-cases to S
      'of\ufb01ce@example.com', // fi ligature: NFKC makes it fi
      'ann@e\u212aample.com',
      'ann@example.com\u212a',
      'ann@ex\u0430mple.com', // Cyrillic a
      '\uff41nn@example.com', // full-width a
      'ann\uff20example.com', // full-width @
      'ann@example\u3002com', // ideographic full stop
      'ann\u200b@example.com', // zero-width space
      '\u00a0ann@example.com', // no-break space: trim() would hide it
      '\ufeffann@example.com',
      'stra\u00dfe@example.com',
    ];
    for (const raw of lookalikes) expect([raw, canonicaliseEmail(raw)]).toEqual([raw, null]);
  });

  it('refuses every form that two mail servers could read differently', () => {
    const forms = [
      '"x@evil.test y"@victim.test',
      '"ann"@example.com',
      'ann(comment)@example.com',
      'ann@example.com(comment)',
      'a@b.test,c@d.test',
      'a@b.test;c@d.test',
      'a@b.test c@d.test',
      '<ann@example.com>',
      'Ann <ann@example.com>',
      'group:ann@example.com;',
      'ann@[192.0.2.1]',
      'ann@[IPv6:2001:db8::1]',
      'ann@192.0.2.1',
      'ann@@example.com',
      'ann@evil.test@example.com',
      'ann\\@example.com',
      'ann @example.com',
      'ann@ example.com',
    ];
    for (const raw of forms) expect([raw, canonicaliseEmail(raw)]).toEqual([raw, null]);
  });

  it('refuses control characters, and line breaks inside of it', () => {
    for (const raw of [
      'ann@example.com\r\nBcc: x@y.test',
      'ann\n@example.com',
      'ann@example.com\n.test',
      'ann@example.com\v',
      'a\0nn@example.com',
      'ann@example.com\0',
      'ann\u007f@example.com',
    ])
      expect(canonicaliseEmail(raw)).toBeNull();
  });

  it('refuses what is no address', () => {
    for (const raw of [
      '',
      ' ',
      '@',
      'ann',
      'ann@',
      '@example.com',
      'ann@example',
      'ann@.com',
      'ann@example.',
      'ann@example..com',
      '.ann@example.com',
      'ann.@example.com',
      'a..b@example.com',
      'ann@-example.com',
      'ann@example-.com',
      'ann@exa_mple.com',
      'ann@example.c',
      'ann@example.com.',
    ])
      expect([raw, canonicaliseEmail(raw)]).toEqual([raw, null]);
  });

  it('holds the limits of RFC 5321', () => {
    expect(canonicaliseEmail(`${'a'.repeat(64)}@example.com`)).not.toBeNull();
    expect(canonicaliseEmail(`${'a'.repeat(65)}@example.com`)).toBeNull();
    const label = 'b'.repeat(63);
    const domain = `${label}.${label}.${label}`;
    expect(canonicaliseEmail(`a@${label}.com`)).not.toBeNull();
    expect(canonicaliseEmail(`a@${label}b.com`)).toBeNull();
    expect(canonicaliseEmail(`${'a'.repeat(58)}@${domain}.com`)).toHaveLength(254);
    expect(canonicaliseEmail(`${'a'.repeat(59)}@${domain}.com`)).toBeNull();
    expect(canonicaliseEmail(`${'a.'.repeat(100_000)}@example.com`)).toBeNull();
  });

  it('changes nothing the second time, and only ever returns printable ASCII in lower case', () => {
    const mixed = fc.stringMatching(/^[A-Za-z0-9.@+_ \u212a\u0131-]{1,30}$/);
    const address = fc.emailAddress();
    fc.assert(
      fc.property(fc.oneof(mixed, address, fc.string()), (raw) => {
        const email = canonicaliseEmail(raw);
        if (email === null) return;
        expect(canonicaliseEmail(email)).toBe(email);
        expect(canonicaliseEmail(email.toUpperCase())).toBe(email);
        expect(email).toMatch(/^[\x21-\x40\x5b-\x7e]+@[a-z0-9.-]+$/);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('canonicaliseDomain', () => {
  it('is the rule of the address', () => {
    expect(canonicaliseDomain(' Example.COM ')).toBe('example.com');
    expect(domainOf('ann@sub.example.com')).toBe('sub.example.com');
    for (const raw of [
      '',
      'example',
      'example.com.',
      '.example.com',
      'ex ample.com',
      'münchen.de',
      '192.0.2.1',
      'a@b.de',
      '*.example.com',
    ])
      expect(canonicaliseDomain(raw)).toBeNull();
  });
});

describe('canonicaliseUsername', () => {
  it('keeps how it is written and folds what must be unique', () => {
    expect(canonicaliseUsername(' Ann.Lee_1 ')).toEqual({ display: 'Ann.Lee_1', key: 'ann.lee_1' });
  });

  it('refuses look-alikes, addresses, edges of punctuation and other lengths', () => {
    for (const raw of [
      'ab',
      'a'.repeat(33),
      '.ann',
      'ann-',
      'an n',
      'ann@example.com',
      'mi\u212ae',
      'anné',
      '',
      'an\0n',
    ])
      expect([raw, canonicaliseUsername(raw)]).toEqual([raw, null]);
    expect(canonicaliseUsername('a'.repeat(32))).not.toBeNull();
    expect(canonicaliseUsername('abc')).not.toBeNull();
  });
});

describe('normalisePhone', () => {
  it('writes E.164', () => {
    expect(normalisePhone('+49 30 123-456')).toBe('+4930123456');
    expect(normalisePhone(' +1 (212) 555.0100')).toBe('+12125550100');
  });

  it('refuses national numbers, trunk zeros and what is too short or long', () => {
    for (const raw of [
      '030123456',
      '004930123456',
      '+49 (0)30 123456',
      '+0123456789',
      '+12345',
      '+1234567890123456',
      '+49 30 abc',
      '',
      '+',
      '+４９３０１２３４５６',
      '++4930123456',
    ])
      expect([raw, normalisePhone(raw)]).toEqual([raw, null]);
  });
});
