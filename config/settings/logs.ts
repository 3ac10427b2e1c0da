import { secretHeaders } from '../secret-setting.ts';
import {
  choice,
  duration,
  fraction,
  httpUrl,
  integer,
  path,
  type Setting,
  size,
  text,
} from '../setting.ts';

/** What is logged and traced, and where to. */
export const logs = {
  'log.level': choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
    about: 'The least important line to log.',
    default: 'info',
  }),
  'log.file': path({
    about: 'A file to log to.',
    without: 'standard error',
    example: '/var/log/authctl/authctl.log',
  }),
  'log.max_size': size({
    about: 'A log file that would grow beyond this is set aside and compressed; 0: never.',
    default: '50MB',
    min: '16KB',
    max: '100GB',
  }),
  'log.max_files': integer({
    about: 'Log files set aside that are kept.',
    default: 10,
    min: 1,
    max: 1_000,
  }),
  'log.max_age': duration({
    about: 'Log files set aside are kept this long at most; 0s: for ever.',
    default: '30d',
    min: '0s',
    max: '4000d',
  }),
  'log.sample': integer({
    about:
      'Beyond ten requests a second, log one in this many; failures of ours are always logged.',
    default: 100,
    min: 1,
    max: 1_000_000,
  }),
  'otel.endpoint': httpUrl({
    about: 'OpenTelemetry collector (OTLP over HTTP).',
    env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    without: 'nothing is sent',
    example: 'http://127.0.0.1:4318',
  }),
  'otel.protocol': choice(['http/protobuf', 'http/json'], {
    about: 'How what is sent is encoded.',
    env: 'OTEL_EXPORTER_OTLP_PROTOCOL',
    default: 'http/protobuf',
  }),
  'otel.headers': secretHeaders({
    about: 'Headers that the collector wants, such as a key.',
    env: 'OTEL_EXPORTER_OTLP_HEADERS',
    without: 'none',
    example: 'authorization=Bearer%20key',
  }),
  'otel.service_name': text({
    about: 'The name that it is found under.',
    env: 'OTEL_SERVICE_NAME',
    default: 'authctl',
  }),
  'otel.traces': choice(['otlp', 'none'], {
    about: 'Whether traces are sent to the collector.',
    env: 'OTEL_TRACES_EXPORTER',
    default: 'otlp',
  }),
  'otel.sample': fraction({
    about: 'Which part of all requests and batches is traced.',
    env: 'OTEL_TRACES_SAMPLER_ARG',
    default: 1,
    example: '0.01',
  }),
  'otel.metrics': choice(['otlp', 'none'], {
    about: 'Whether metrics are sent to the collector, beside being there to scrape.',
    env: 'OTEL_METRICS_EXPORTER',
    default: 'none',
  }),
  'otel.metrics_interval': duration({
    about: 'How often.',
    default: '60s',
    min: '1s',
    max: '1h',
  }),
  'otel.logs': choice(['otlp', 'none'], {
    about: 'Whether lines of the log are sent to the collector, beside being written.',
    env: 'OTEL_LOGS_EXPORTER',
    default: 'none',
  }),
} as const satisfies Record<string, Setting>;
