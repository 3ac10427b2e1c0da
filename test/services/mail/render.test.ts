import { expect, test } from 'vitest';
import { isSecurityNotice, type MailKind } from '../../../src/services/mail/kinds.ts';
import { createRenderer, createTextRenderer } from '../../../src/services/mail/render.ts';
import { MAIL_KINDS } from '../../../src/services/mail/templates/index.ts';
import { SAMPLES } from '../../../src/services/mail/templates/samples.ts';

const render = createRenderer({ product: 'Example Shop', publicUrl: 'https://auth.example.com/' });
const CODE_KINDS = MAIL_KINDS.filter((kind) => 'code' in SAMPLES[kind]);

const words = (html: string) =>
  html
    .replace(/<(style|title)>.*?<\/\1>/gs, ' ')
    .replace(/<[^>]+>/g, ' ')
    .replaceAll('&#39;', "'")
    .replaceAll(/\s+/g, ' ');

test.each(MAIL_KINDS)('%s has a subject, text and HTML that say the same', (kind) => {
  const { subject, text, html } = render(kind, SAMPLES[kind]);
  expect(subject).toMatch(/^\S[^\r\n]{5,77}$/);
  expect(subject + text).toContain('Example Shop');
  expect(html).toMatch(/^<!doctype html>/);
  expect(`${subject}${text}${html}`).not.toMatch(/undefined|null|NaN|\[object/);
  const paragraphs = text.split('\n\n').slice(0, -1);
  expect(paragraphs.length).toBeGreaterThan(1);
  const read = words(html);
  for (const line of paragraphs.join('\n').split('\n')) {
    const said = line
      .replace(/^(When|From|With): /, '')
      .replace(/:$/, '')
      .trim();
    if (!said.startsWith('https://')) expect(read).toContain(said);
  }
});

test.each(MAIL_KINDS)('%s loads nothing: no script, no picture, no remote style', (kind) => {
  const { html } = render(kind, SAMPLES[kind]);
  expect(html).not.toMatch(/<(script|img|link|iframe|form|object)|url\(|@import|\bon\w+=/i);
});

test('a mailed code is shown as it is typed, with its life time, and never in the subject', () => {
  expect(CODE_KINDS).toEqual(['verify_email', 'reset_password', 'change_email']);
  for (const kind of CODE_KINDS) {
    const { subject, text, html } = render(kind, SAMPLES[kind]);
    for (const part of [text, html]) {
      expect(part).toContain('K7MP-X4QT');
      expect(part).toContain('expires in 10 minutes');
      expect(part).toContain('did not ask for this');
    }
    expect(subject).not.toContain('K7MP');
  }
  const late = render('verify_email', { code: 'K7MP-X4QT', expiresInMinutes: 1 });
  expect(late.text).toContain('expires in 1 minute.');
});

test('links start with the configured address, keep the code in the fragment, and are left out without it', () => {
  for (const kind of CODE_KINDS) {
    const { text, html } = render(kind, SAMPLES[kind]);
    const links = `${text} ${html}`.match(/https?:[^\s"<]+/g);
    expect(new Set(links)).toEqual(new Set(['https://auth.example.com/code#K7MP-X4QT']));
    const bare = createRenderer({ product: 'Example Shop' })(kind, SAMPLES[kind]);
    expect(`${bare.text} ${bare.html}`).not.toMatch(/https?:|href/);
  }
});

test.each(MAIL_KINDS)('%s holds no secret beyond its code', (kind) => {
  const { subject, text, html } = render(kind, SAMPLES[kind]);
  const said = `${subject} ${text} ${html}`.replaceAll('K7MP-X4QT', '');
  // Nothing that looks like a token, a digest or an id.
  expect(said).not.toMatch(/\b(?:ft|rt|op)_|v4\.public|k4\.|[0-9a-f]{16}|[0-9a-f]{8}-[0-9a-f]{4}-/);
});

test('nothing that a stranger wrote reaches a notice: devices are named in our own words', () => {
  const strangers = [
    '<script>alert(1)</script>',
    'Call +1 555 0100 now or visit evil.test',
    'Mozilla/5.0 (Windows NT 10.0) Firefox/140.0 "><a href="https://evil.test">x</a>',
    '\r\nBcc: eve@evil.test\r\n\r\n',
  ];
  for (const userAgent of strangers) {
    const notice = { at: '2026-11-22T06:34:00Z', ip: '203.0.113.7', userAgent };
    for (const kind of MAIL_KINDS.filter((known) => 'userAgent' in SAMPLES[known])) {
      const data = { ...SAMPLES[kind], ...notice };
      const { subject, text, html } = render(kind as 'password_changed', data);
      expect(`${subject}${text}${html}`).not.toMatch(/script>|alert|evil|555|Bcc/);
    }
  }
});

test('HTML escapes whatever is inserted', () => {
  const product = `<b>"Tom & Jerry's"</b>`;
  const { html, text } = createRenderer({ product })('welcome', {});
  expect(html).toContain('&lt;b&gt;&quot;Tom &amp; Jerry&#39;s&quot;&lt;/b&gt;');
  expect(html).not.toContain('<b>');
  expect(text).toContain(product);
  const changed = render('email_changed', {
    at: '2026-11-22T06:34:00Z',
    ip: '<i>',
    newAddress: `<img src=x>&"'`,
  });
  expect(changed.html).toContain('&lt;img src=x&gt;&amp;&quot;&#39;');
  expect(changed.html).toContain('&lt;i&gt;');
});

test('a notice says when, from where and with what; what is not known is left out', () => {
  const full = render('password_changed', SAMPLES.password_changed).text;
  expect(full).toContain(
    'When: 22 November 2026 at 06:34 UTC\nFrom: 203.0.113.7\nWith: Firefox on Windows',
  );
  const bare = render('password_changed', { at: '2026-11-22T06:34:00Z' });
  expect(bare.text).toContain('When: ');
  expect(`${bare.text}${bare.html}`).not.toMatch(/From:|>From<|With:|>With</);
});

test.each([
  [0, 'It was the last one'],
  [1, 'One is left'],
  [7, '7 are left'],
])('a used recovery code says that %i are left', (left, said) => {
  const kind: MailKind = 'recovery_code_used';
  expect(render(kind, { ...SAMPLES[kind], left }).text).toContain(said);
});

// Of the telephone's own alphabet (GSM 03.38), in which 160 characters are one message, and 306 two.
test.each(MAIL_KINDS.filter(isSecurityNotice))('%s fits into two text messages at most', (kind) => {
  const text = createTextRenderer({ product: 'Example Shop' })(kind, SAMPLES[kind]);
  expect(text).toMatch(/^Example Shop: [A-Z]/);
  expect(text).toMatch(/^[\x20-\x5a\x61-\x7a]{40,306}$/);
  expect(text).not.toMatch(/undefined|https?:|\.\./);
});
