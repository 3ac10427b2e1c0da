import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { codePageRoute } from '../../src/http/code-page.ts';
import { createRenderer } from '../../src/services/mail/render.ts';
import { SAMPLES } from '../../src/services/mail/templates/samples.ts';
import { startApp } from './support/http.ts';

test('the link of a mail leads to the page, and the server never sees the code', async () => {
  const { port, ask } = await startApp([codePageRoute('Example Shop')]);
  const render = createRenderer({
    product: 'Example Shop',
    publicUrl: `http://127.0.0.1:${port}/`,
  });
  const { text } = render('verify_email', SAMPLES.verify_email);
  const { pathname, hash } = new URL(/http:\S+/.exec(text)![0]);
  expect(hash).toBe('#K7MP-X4QT');
  const first = await ask({ path: pathname });
  expect(first.status).toBe(200);
  // As often as scanners like: every answer is the same, so nothing can have been used up.
  for (let nth = 0; nth < 10; nth += 1)
    expect((await ask({ path: pathname })).text).toBe(first.text);
  expect((await ask({ path: pathname, method: 'POST', body: '{}' })).status).toBe(405);
});

test('a link that a scanner or a tracker has rewritten leads to the same page', async () => {
  const { ask } = await startApp([codePageRoute('Example Shop')]);
  const { text } = await ask({ path: '/code' });
  for (const query of ['?x=1', '?utm_source=mail&utm_source=again', '?', '?%zz&a[b]='])
    expect(await ask({ path: `/code${query}` })).toMatchObject({ status: 200, text });
});

test('the page is not kept, tells nobody where it came from, and runs its own script alone', async () => {
  const { ask } = await startApp([codePageRoute('<b>Shop & Co</b>')]);
  const { headers, text } = await ask({ path: '/code' });
  expect(headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
  const policy = String(headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('unsafe');
  for (const element of ['style', 'script']) {
    const [, content = ''] = new RegExp(`<${element}>(.*?)</${element}>`, 's').exec(text)!;
    const digest = createHash('sha256').update(content).digest('base64');
    expect(policy).toContain(`${element}-src 'sha256-${digest}'`);
  }
  expect(text).toContain('&lt;b&gt;Shop &amp; Co&lt;/b&gt;');
  expect(text).not.toContain('<b>');
});
