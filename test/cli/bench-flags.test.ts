import { describe, expect, test } from 'vitest';
import { toBenchOptions } from '../../src/cli/bench-flags.ts';
import { runAuthctl } from './support/run-program.ts';

const flags = { repeat: 1, check: false };

describe('flags of benchmarks', () => {
  test('are read into options', () => {
    const options = toBenchOptions({ ...flags, duration: '20s', duplicates: '0.01' });
    expect(options).toMatchObject({
      durationMs: 20_000,
      duplicates: 0.01,
      repeat: 1,
      domain: 'bench.example',
    });
  });

  test.each(['20', '500ms', 'soon', '-1s'])('--duration %s is refused', (duration) => {
    expect(() => toBenchOptions({ ...flags, duration })).toThrow(`--duration ${duration}`);
  });

  test.each(['0', '1', '-0.1', 'many', ''])('--duplicates "%s" is refused', (duplicates) => {
    expect(() => toBenchOptions({ ...flags, duplicates })).toThrow('--duplicates');
  });
});

describe('a benchmark of an appliance that runs', () => {
  test.each(['http://192.0.2.1:8080', 'http://example.com', 'https://127.0.0.1:8080', 'nonsense'])(
    'refuses %s: it loads this machine only',
    async (url) => {
      const { code, stderr } = await runAuthctl(['bench', 'login', '--url', url]);
      expect(code).toBe(2);
      expect(stderr).toContain('hint:');
    },
  );

  test('says so when nothing answers there', async () => {
    const { code, stderr } = await runAuthctl(['bench', 'login', '--url', 'http://127.0.0.1:1']);
    expect(code).toBe(3);
    expect(stderr).toContain('Nothing answers at http://127.0.0.1:1');
  });

  test('what needs a throwaway cannot take --url', async () => {
    for (const benchmark of ['hash', 'cost']) {
      const { code } = await runAuthctl(['bench', benchmark, '--url', 'http://127.0.0.1:1']);
      expect(code).toBe(2);
    }
  });
});
