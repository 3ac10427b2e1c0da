import {
  MultipleErrors,
  NetworkError,
  ProtocolError,
  TimeoutError,
  UserError,
} from '@platformatic/kafka';
import { expect, test } from 'vitest';
import {
  describeKafkaFailure,
  NO_SUCH_TOPIC,
} from '../../../../src/services/event/sinks/kafka-failure.ts';

test.each([
  ['a topic that is not there', new UserError('Unknown topic authctl.events.'), NO_SUCH_TOPIC],
  [
    'what the broker answered',
    new ProtocolError('TOPIC_AUTHORIZATION_FAILED'),
    'TOPIC_AUTHORIZATION_FAILED',
  ],
  ['a lost connection', new NetworkError('Connection closed'), 'Connection closed'],
  [
    'a broker that hangs, without its address',
    new TimeoutError('Connection to kafka-1:9092 timed out.'),
    'no answer in time',
  ],
  ['what is no error', 'text', 'failed'],
])('tells %s', (_, error, reason) => {
  expect(describeKafkaFailure(error)).toBe(reason);
});

test('of nested errors it tells the innermost, each once', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:9092'), {
    code: 'ECONNREFUSED',
  });
  const failed = () => new NetworkError('Connection to kafka-1:9092 failed.', { cause: refused });
  const late = new TimeoutError('Connection to kafka-3:9092 timed out.');
  const error = new MultipleErrors('Cannot connect to any broker.', [failed(), failed(), late]);
  expect(describeKafkaFailure(error)).toBe('ECONNREFUSED, no answer in time');
});
