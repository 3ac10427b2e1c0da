import { html, raw } from '../lib/html.ts';
import { CODE_PAGE_PATH } from '../services/mail/templates/code-letter.ts';
import { hashSource } from './hash-source.ts';
import { media, plainRoute, type Route } from './kernel/route.ts';

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.55 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: light-dark(#f3f4f6, #16181d); color: light-dark(#1f2937, #f2f3f5); }
main { box-sizing: border-box; width: min(100% - 32px, 480px); padding: 32px 28px; border: 1px solid light-dark(#e5e7eb, #343841); border-radius: 12px; background: light-dark(#fff, #20232a); }
h1 { margin: 0 0 16px; font-size: 22px; line-height: 1.3; }
p { margin: 0; }
output { display: block; margin: 0 0 20px; padding: 18px 8px; border-radius: 8px; background: light-dark(#f3f4f6, #2b2f38); font: 600 30px/1.2 ui-monospace, monospace; letter-spacing: 3px; text-align: center; user-select: all; }
`;

// The fragment never leaves the browser. Anything that is not a code is not shown, so that nobody can
// make this page say something; and it is taken out of the address, so that it is not shared with it.
const SCRIPT = `
const code = location.hash.slice(1);
history.replaceState(null, '', location.pathname);
if (/^[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}$/.test(code)) {
  document.querySelector('output').textContent = code;
  document.querySelector('p').textContent = 'Enter it where you were asked for it. Never give it to anyone.';
}
`;

const POLICY = [
  "default-src 'none'",
  `style-src ${hashSource(STYLE)}`,
  `script-src ${hashSource(SCRIPT)}`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * The page that links in mails lead to: shows the code of the link, to be typed elsewhere. It is the
 * same for everyone and touches nothing, so a scanner that opens links uses no code up.
 */
export function codePageRoute(product: string): Route {
  const page = html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${product}</title>
<style>${raw(STYLE)}</style>
<main>
<h1>Your ${product} code</h1>
<output>····-····</output>
<p>The code is in the mail that brought you here.</p>
</main>
<script>${raw(SCRIPT)}</script>
</html>
`.html;
  return plainRoute({
    method: 'get',
    path: CODE_PAGE_PATH,
    summary: 'Where links in mails lead: shows a mailed code, changes nothing',
    tags: ['documents'],
    auth: 'none',
    // Scanners and trackers rewrite the links of mails.
    anyQuery: true,
    contentSecurityPolicy: POLICY,
    responses: { 200: media('text/html; charset=utf-8') },
    handler: () => ({ status: 200, body: page }),
  });
}
