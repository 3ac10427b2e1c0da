import { type Ended, runAuthctl } from '../cli/support/run-program.ts';
import { MASTER_KEY, type TestAppliance } from './appliance.ts';

/** Runs `authctl` as built, on the installation of an appliance. */
export function runBeside(
  appliance: TestAppliance,
  args: readonly string[],
  { input, env = {} }: { input?: string; env?: Record<string, string> } = {},
): Promise<Ended> {
  // The socket is in the query; the setting wants a URL with a host all the same.
  const url = appliance.core.store.connectionString.replace('@/', '@localhost/');
  return runAuthctl(args, {
    env: { AUTHCTL_DATABASE_URL: url, AUTHCTL_MASTER_KEY: MASTER_KEY, ...env },
    ...(input === undefined ? {} : { input }),
  });
}
