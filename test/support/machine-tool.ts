import { execFileSync } from 'node:child_process';

/**
 * Why the tests that need a program of the machine are skipped; undefined where it is there. Where it
 * counts, a missing program is a failure: it must not pass for a success.
 * @param name of the program and of its Debian package
 */
export function whyNoTool(name: string): string | undefined {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    const reason = `${name} is not installed (Debian package ${name})`;
    if (process.env['CI']) throw new Error(reason);
    return reason;
  }
}
