export const NO_SUCH_TOPIC = 'the topic does not exist';

/** The client's own errors, whose codes say less than their messages. */
const OF_THE_CLIENT = /^PLT_KFK_/;

/**
 * Why the cluster was not reached, or what it refused: the innermost causes, since what is around them
 * says only that something failed. Names no secret and no address.
 */
export function describeKafkaFailure(error: unknown): string {
  return [...new Set(leavesOf(error).map(describeLeaf))].join(', ');
}

function leavesOf(error: unknown): unknown[] {
  if (error instanceof AggregateError) return error.errors.flatMap(leavesOf);
  if (error instanceof Error && error.cause !== undefined) return leavesOf(error.cause);
  return [error];
}

function describeLeaf(error: unknown): string {
  const message = fieldOf(error, 'message') ?? 'failed';
  const code = fieldOf(error, 'apiId') ?? fieldOf(error, 'code');
  // What a listener without TLS does with a greeting, and Node tells like any other lost connection.
  if (message.includes('before secure TLS connection')) return 'the broker does not speak TLS here';
  if (code !== undefined && !OF_THE_CLIENT.test(code)) return code;
  // Some of these messages quote the address.
  if (message.includes('timed out')) return 'no answer in time';
  if (message.startsWith('Unknown topic ')) return NO_SUCH_TOPIC;
  return message.replace(/\.$/, '');
}

function fieldOf(error: unknown, name: string): string | undefined {
  const value: unknown = error instanceof Error ? Reflect.get(error, name) : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}
