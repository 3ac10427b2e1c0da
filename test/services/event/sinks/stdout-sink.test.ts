import { PassThrough, Writable } from 'node:stream';
import { expect, test } from 'vitest';
import type { OutgoingEvent } from '../../../../src/services/event/sinks/sink.ts';
import { createStdoutSink } from '../../../../src/services/event/sinks/stdout-sink.ts';

const NEVER = new AbortController().signal;
const events: OutgoingEvent[] = ['a', 'b'].map((id) => ({
  id,
  type: 'user.verified',
  userId: null,
  occurredAt: new Date(),
  body: JSON.stringify({ id, text: 'two\nlines' }),
}));

test('each event is one line of JSON', async () => {
  const stream = new PassThrough();
  expect(await createStdoutSink(stream).publish(events, NEVER)).toEqual([null, null]);
  const lines = String(stream.read()).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).id)).toEqual(['a', 'b']);
});

test('a reader that went away fails the events and nothing else', async () => {
  const stream = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('EPIPE'), { code: 'EPIPE' })),
  });
  const outcomes = await createStdoutSink(stream).publish(events, NEVER);
  expect(outcomes.every((outcome) => outcome instanceof Error)).toBe(true);
});
