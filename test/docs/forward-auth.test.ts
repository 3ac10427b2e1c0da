import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../src/lib/package-root.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { startTestManagement, type TestManagement } from '../support/management.ts';
import { QUICK_SIGN_IN, signUp } from '../support/sign-in.ts';

const page = readFileSync(join(packageRoot(), 'docs/admin.md'), 'utf8');
const section = page.slice(page.indexOf('\n## Forward-auth'), page.indexOf('\n## Profiles'));
const snippets = [...section.matchAll(/```(?:nginx|yaml)\n([\s\S]*?)```/g)].map(
  (match) => match[1]!,
);

let appliance: TestAppliance;
let management: TestManagement;
beforeAll(async () => {
  appliance = await startAppliance({ env: QUICK_SIGN_IN });
  management = await startTestManagement(appliance);
});
afterAll(async () => {
  await management.stop();
  await appliance.stop();
});

test('every proxy of the page overwrites each header that says who it is', async () => {
  const { access } = await signUp(appliance);
  const { headers } = await fetch(`${management.url}/admin/v1/forward-auth`, {
    headers: { Authorization: `Bearer ${access}` },
  });
  const names = [...headers.keys()].filter((name) => /^x-(user|session|role|token)/.test(name));
  expect(names).toHaveLength(4);
  expect(snippets).toHaveLength(3);
  // One that is left out reaches the application as the client wrote it.
  for (const snippet of snippets)
    for (const name of names) expect(snippet.toLowerCase()).toMatch(new RegExp(`\\b${name}\\b`));
});
