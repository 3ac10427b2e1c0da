import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Config } from '../../../config/index.ts';
import { errorCode } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { NO_SUCH_TOPIC } from '../../services/event/sinks/kafka-failure.ts';
import { probeKafka } from '../../services/event/sinks/probe-kafka.ts';
import { probeValkey } from '../../services/limit/probe-valkey.ts';
import { probeWebhook } from '../../services/webhook/probe.ts';
import {
  createOtlpSender,
  EMPTY_EXPORTS,
  NotDelivered,
  type Signal,
} from '../../telemetry/otlp-sender.ts';
import { kafkaOptions } from '../kafka-options.ts';
import { createConfiguredSmtp } from '../open-mail.ts';
import { otelHeaders, sentSignals } from '../open-telemetry.ts';
import { programVersion } from '../version.ts';
import { type Finding, fail, ok, warn } from './check.ts';

const ANSWER_MS = 2_000;
/** Longer than a busy server on the other side of the world takes to accept a connection. */
const CONNECT_MS = 5_000;
/** Several brokers may each take their time to be found away. */
const KAFKA_ANSWER_MS = 12_000;

/** Whether a listener's address is free, or held by an authctl. */
export async function checkPort(host: string, port: number, health: string): Promise<Finding> {
  const address = `${host}:${port}`;
  if (port === 0) return ok('any free port');
  const refusal = await tryToListen(host, port);
  if (refusal === null) return ok(`${address} is free`);
  if (refusal !== 'EADDRINUSE')
    return fail(`${address} cannot be listened on: ${refusal}.`, 'choose another host or port');
  if (await isOurs(host, port, health)) return ok(`${address}, where an authctl answers`);
  return fail(`${address} is in use by something else.`, 'stop it, or choose another port');
}

/** The mail server, as far as it goes without sending anything. */
export async function checkMail(config: Config): Promise<Finding> {
  const smtp = createConfiguredSmtp(config);
  if (!smtp) return ok('no mail server; mails are written to the data folder');
  try {
    await smtp.check();
    return ok('the mail server accepts us');
  } finally {
    smtp.close();
  }
}

/** The cluster that events go to, as far as it goes without sending one. */
export async function checkKafka(config: Config): Promise<Finding> {
  const options = kafkaOptions(config);
  if (!options) return ok('no Kafka');
  const problem = await probeKafka(options, AbortSignal.timeout(KAFKA_ANSWER_MS));
  if (problem === null) return ok(`the topic ${options.topic} is there`);
  if (problem === NO_SUCH_TOPIC)
    return warn(
      `the topic ${options.topic} does not exist`,
      'make it, unless the cluster makes topics by itself: the first event then asks for it',
    );
  return fail(`events do not reach the brokers: ${problem}`, HOW_TO_REACH_KAFKA);
}

const HOW_TO_REACH_KAFKA =
  'check kafka.brokers, kafka.tls, kafka.mechanism, kafka.username and kafka.password, and the rights to the topic; ' +
  'a private certificate authority is made known with NODE_EXTRA_CA_CERTS=<file>';

/** The server of the limit counters, asked as an API process would. */
export async function checkValkey({ valkey }: Config, log: Logger): Promise<Finding> {
  if (!valkey.url) return ok('no Valkey; limits are counted in PostgreSQL');
  const options = { url: valkey.url.reveal(), log };
  const problem = await probeValkey(options, AbortSignal.timeout(CONNECT_MS));
  if (problem === null) return ok('it answers');
  return fail(`each process counts the limits alone: ${problem}`, HOW_TO_REACH_VALKEY);
}

const HOW_TO_REACH_VALKEY =
  'start it, or check AUTHCTL_VALKEY_URL: host, port, user name, password, and rediss:// for TLS';

/** The receiver of events, as far as it goes without sending one. */
export async function checkWebhook({ webhook }: Config): Promise<Finding> {
  if (!webhook.url) return ok('no webhook');
  const problem = await probeWebhook(webhook.url.reveal(), AbortSignal.timeout(CONNECT_MS));
  if (problem === null) return ok('its host takes connections');
  return fail(`events do not reach its host: ${problem}`, HOW_TO_REACH_A_WEBHOOK);
}

const HOW_TO_TRUST =
  'a private certificate authority is made known with NODE_EXTRA_CA_CERTS=<file>';
const HOW_TO_REACH_A_WEBHOOK = `start the receiver, or check AUTHCTL_WEBHOOK_URL; ${HOW_TO_TRUST}`;

/** The gateway of text messages, as far as it goes without sending one. */
export async function checkSms({ sms }: Config): Promise<Finding> {
  if (!sms.url) return ok('no gateway; no text messages are sent');
  const problem = await probeWebhook(sms.url.reveal(), AbortSignal.timeout(CONNECT_MS));
  if (problem === null)
    return ok('its host takes connections; authctl sms test <number> sends one');
  return fail(
    `text messages do not reach the gateway's host: ${problem}`,
    `start the gateway, or check AUTHCTL_SMS_URL; ${HOW_TO_TRUST}`,
  );
}

/** The collector, asked with an export of nothing for each signal. Without it everything else works. */
export async function checkCollector(config: Config): Promise<Finding> {
  const { endpoint } = config.otel;
  const signals = sentSignals(config);
  if (!endpoint || signals.length === 0) return ok('no collector; nothing is sent');
  const problems = await Promise.all(
    signals.map(async (signal) => {
      const problem = await offerNothing(signal, endpoint, otelHeaders(config));
      return problem === null ? [] : [`${signal}: ${problem}`];
    }),
  );
  const found = problems.flat().join('; ');
  if (found === '') return ok(`${endpoint} takes ${signals.join(', ')}`);
  return warn(`${endpoint} does not take ${found}`, HOW_TO_REACH_A_COLLECTOR);
}

/** Why a collector does not take a signal; null where it does. */
async function offerNothing(
  signal: Signal,
  endpoint: string,
  headers: Record<string, string>,
): Promise<string | null> {
  const { bodies, mediaType } = EMPTY_EXPORTS;
  const userAgent = `authctl/${programVersion()}`;
  const send = createOtlpSender({ signal, endpoint, headers, mediaType, userAgent });
  try {
    await send(bodies[signal], AbortSignal.timeout(ANSWER_MS));
    return null;
  } catch (error) {
    if (!(error instanceof NotDelivered)) throw error;
    return error.message;
  }
}

const HOW_TO_REACH_A_COLLECTOR =
  'start the collector, or check OTEL_EXPORTER_OTLP_ENDPOINT (its HTTP port, usually 4318) and _HEADERS';

/** Settings that are allowed but worth a second look. */
export function checkSettings(env: string, warnings: readonly string[]): Finding {
  if (warnings.length === 0) return ok(`valid for ${env}`);
  return warn(warnings.join('; '), 'authctl config show');
}

/** null where it works, else the system's code for why not. */
async function tryToListen(host: string, port: number): Promise<string | null> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    return null;
  } catch (error) {
    return errorCode(error) ?? String(error);
  } finally {
    server.close();
  }
}

async function isOurs(host: string, port: number, health: string): Promise<boolean> {
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[host] ?? host;
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const response = await fetch(`http://${reachable}:${port}${health}`, { signal });
    const body: unknown = await response.json();
    return typeof body === 'object' && body !== null && 'checks' in body;
  } catch {
    return false;
  }
}
