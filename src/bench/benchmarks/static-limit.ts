import type { BenchContext } from '../context.ts';
import { type ServerProcess, startServerProcess } from '../limits/server-process.ts';

/** Starts the product's HTTP stack without a database, where the caller knows how. */
export async function openStaticServer(context: BenchContext): Promise<ServerProcess | undefined> {
  if (context.staticServer === undefined) return undefined;
  return context.scope.own(
    'static server',
    await startServerProcess(context.staticServer),
    (server) => server.stop(),
  );
}

export const STATIC_LIMIT = 'same stack, validation and HMAC, no database';
export const STATIC_MISSING =
  'The ceiling of the HTTP stack without a database was not measured: this build has no server for it.';
