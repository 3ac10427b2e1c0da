import type { Writable } from 'node:stream';
import type { Sink } from './sink.ts';

/** Writes events to a stream, one JSON object a line; confirmed when the stream has passed it on. */
export function createStdoutSink(stream: Writable): Sink {
  // A reader that went away fails the writes, one by one; without a listener it would end the process.
  const ignore = () => undefined;
  stream.on('error', ignore);
  return {
    name: 'stdout',
    publish: (events) => Promise.all(events.map((event) => write(stream, `${event.body}\n`))),
    async close() {
      stream.off('error', ignore);
    },
  };
}

function write(stream: Writable, line: string): Promise<Error | null> {
  return new Promise((resolve) => {
    stream.write(line, (error) => resolve(error ?? null));
  });
}
