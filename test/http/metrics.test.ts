import { expect, test } from 'vitest';
import { createMetrics, exposeTogether } from '../../src/http/metrics.ts';

test('what is counted elsewhere is a counter, read at each scrape and added up over processes', async () => {
  let rejected = 3;
  const metrics = createMetrics();
  metrics.counted('hash_rejected_total', 'Requests refused.', () => rejected);
  const first = await metrics.expose();
  expect(first).toContain('# TYPE authctl_hash_rejected_total counter');
  expect(first).toContain('\nauthctl_hash_rejected_total 3\n');
  rejected = 5;
  expect(await metrics.expose()).toContain('\nauthctl_hash_rejected_total 5\n');
  const both = await exposeTogether([await metrics.collect(), await metrics.collect()]);
  expect(both).toContain('# TYPE authctl_hash_rejected_total counter');
  expect(both).toContain('\nauthctl_hash_rejected_total 10\n');
});

test('the version that runs is a label, once for all processes', async () => {
  const [one, another] = [createMetrics(), createMetrics()];
  for (const { info } of [one, another]) info('build_info', 'The version.', { version: '1.2.3' });
  const page = await exposeTogether([await one.collect(), await another.collect()]);
  expect(page).toContain('\nauthctl_build_info{version="1.2.3"} 1\n');
});
