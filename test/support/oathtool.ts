import { execFileSync } from 'node:child_process';
import { whyNoTool } from './machine-tool.ts';

/** Why the tests that need `oathtool` are skipped; undefined where it is there. */
export const whyNoOathtool = whyNoTool('oathtool');

/** The code that oathtool shows at a moment, on a machine of some time zone. */
export function oathtoolCode(base32: string, now: Date, timeZone: string): string {
  const at = `${now.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  return execFileSync('oathtool', ['--totp', '--base32', `--now=${at}`, base32], {
    encoding: 'utf8',
    env: { TZ: timeZone },
  }).trim();
}
