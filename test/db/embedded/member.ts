/**
 * A process that joins a data folder's PostgreSQL and does what it reads: `ensure`, `leave`. It
 * prints a line for each step: the connection string, then `done`, or the error's code and text.
 * Usage: node member.ts <data folder>
 */
import { createInterface } from 'node:readline';
import { joinEmbeddedPostgres } from '../../../src/db/embedded/join.ts';
import { AppError } from '../../../src/errors.ts';
import { createLogger } from '../../../src/lib/logger.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);

try {
  const log = createLogger({ level: 'warn' });
  const postgres = await joinEmbeddedPostgres({ dataDir: process.argv[2] ?? '', log });
  say(postgres.connectionString);
  for await (const command of createInterface({ input: process.stdin })) {
    if (command === 'ensure') await postgres.ensureRunning();
    if (command === 'leave') await postgres.leave();
    say('done');
    if (command === 'leave') break;
  }
  // The pipe is still open and would keep the process; nothing else may.
  process.stdin.destroy();
} catch (error) {
  if (!(error instanceof AppError)) throw error;
  say(`${error.code}: ${error.message} ${error.hint}`);
  process.exitCode = error.exitCode;
}
