import { JsonLogsSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { expect, test } from 'vitest';
import { copyLines, createLogger } from '../../src/lib/logger.ts';
import { toLogRecord } from '../../src/telemetry/to-log-record.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const CONTEXT = {
  resource: resourceFromAttributes({}),
  scope: { name: 'test' },
  span: { traceId: TRACE_ID, spanId: 'b7ad6b7169203331', traceFlags: 1 },
  observedMs: 1_000,
};

/** A line as the logger writes it, and what a collector reads of it. */
function exported(level: 'trace' | 'warn' | 'fatal', fields: object, message: string) {
  const lines: string[] = [];
  const log = createLogger({ level: 'trace', file: '/dev/null' });
  copyLines(log, (line) => lines.push(line));
  log.child({ part: 'mail' })[level](fields, message);
  const records = lines.map((line) => toLogRecord(line, CONTEXT));
  const body = JsonLogsSerializer.serializeRequest(records);
  const { resourceLogs } = JSON.parse(Buffer.from(body!).toString());
  return { line: JSON.parse(lines[0]!), record: resourceLogs[0].scopeLogs[0].logRecords[0] };
}

test('a line keeps its time, level, message, fields and trace; what is secret was taken out before', () => {
  const { line, record } = exported('warn', { tries: 3, password: 'hunter2!' }, 'not sent');
  expect(record).toMatchObject({
    timeUnixNano: `${Date.parse(line.time)}000000`,
    severityNumber: 13,
    severityText: 'warn',
    body: { stringValue: 'not sent' },
    traceId: TRACE_ID,
    attributes: [
      { key: 'pid', value: { intValue: process.pid } },
      { key: 'part', value: { stringValue: 'mail' } },
      { key: 'tries', value: { intValue: 3 } },
      { key: 'password', value: { stringValue: '[redacted]' } },
    ],
  });
});

test.each([
  ['trace', 1],
  ['fatal', 21],
] as const)('%s is severity %i', (level, severity) => {
  expect(exported(level, {}, 'so').record.severityNumber).toBe(severity);
});

test('an error is told whole', () => {
  const error = new Error('outer', { cause: new TypeError('inner') });
  const { record } = exported('warn', { err: error }, 'failed');
  const text = JSON.stringify(record.attributes);
  for (const part of ['outer', 'inner', 'TypeError', 'to-log-record.test.ts'])
    expect(text).toContain(part);
});
