import { userInfo } from 'node:os';

/** Names the user of the operating system who runs this process, by number where no account has it. */
export function osUser(): string {
  return accountName() ?? `uid ${process.getuid?.()}`;
}

/** The account this process runs as; containers are often run as a number that no account has. */
export function accountName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}
