import { once } from 'node:events';
import { errorCode } from '../../lib/error-code.ts';
import { openValkeyClient, type ValkeyOptions } from './valkey-client.ts';

/**
 * Connects and authenticates as the limits do, and writes nothing.
 * @param signal the latest moment to answer
 * @returns null where the server answers, else why not; never the URL, which may hold a password
 */
export async function probeValkey(
  options: ValkeyOptions,
  signal: AbortSignal,
): Promise<string | null> {
  const client = await openValkeyClient(options);
  try {
    // The client would try for ever; its first failure is the finding.
    await once(client, 'ready', { signal });
    // A server that wants a password lets everybody in, and refuses the first command.
    await client.ping();
    return null;
  } catch (error) {
    return signal.aborted ? 'no answer in time' : describe(error);
  } finally {
    client.destroy();
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  return errorCode(error) ?? error.message;
}
