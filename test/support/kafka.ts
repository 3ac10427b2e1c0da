import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { eventually } from './eventually.ts';

export const whyNoKafka = 'kcat is not installed (Debian: apt-get install kcat)';

/**
 * Whether this machine can run a broker for tests. Where it counts, under `CI`, a missing one is an
 * error.
 */
export const hasKafka = checkKcat();

function checkKcat(): boolean {
  try {
    execFileSync('kcat', ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    if (process.env['CI']) throw new Error(whyNoKafka);
    return false;
  }
}

export interface KafkaMessage {
  readonly key: string;
  readonly payload: string;
  readonly partition: number;
  readonly offset: number;
  readonly ts: number;
  readonly headers: readonly string[];
}

export interface KafkaCluster {
  readonly brokers: readonly string[];
  /** What is in a topic, read by an independent client (librdkafka), in the order of each partition. */
  consume(topic: string): Promise<KafkaMessage[]>;
  /** Lets it hang: connections stay open, nothing is answered. */
  /** Resolves once no thread of it answers any more. */
  pause(): Promise<void>;
  resume(): void;
  stop(): Promise<void>;
}

/**
 * Starts librdkafka's mock cluster: a process of its own that speaks Kafka's protocol over TCP. kcat
 * brings one along; it lives as long as the producer that asked for it, which waits for input.
 */
export async function startKafka(brokerCount = 3): Promise<KafkaCluster> {
  const options = ['-b', 'mock', '-t', 'control', '-X', `test.mock.num.brokers=${brokerCount}`];
  const child = spawn('kcat', ['-P', ...options, '-d', 'mock'], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const brokers = await brokersOf(createInterface({ input: child.stderr }));
  child.stderr.resume();
  return {
    brokers,
    async consume(topic) {
      const reader = spawn('kcat', ['-C', '-b', brokers.join(','), '-t', topic, '-e', '-q', '-J'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let text = '';
      for await (const chunk of reader.stdout.setEncoding('utf8')) text += chunk;
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    },
    async pause() {
      child.kill('SIGSTOP');
      const tasks = `/proc/${child.pid}/task`;
      const isStopped = (task: string) => / T /.test(readFileSync(`${tasks}/${task}/stat`, 'utf8'));
      await eventually('the cluster stands still', () => readdirSync(tasks).every(isStopped));
    },
    resume: () => void child.kill('SIGCONT'),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** The addresses it says it listens on. */
async function brokersOf(lines: AsyncIterable<string>): Promise<string[]> {
  for await (const line of lines) {
    const [, list] = /bootstrap\.servers=([\d.:,]+)/.exec(line) ?? [];
    if (list !== undefined) return list.split(',');
  }
  throw new Error('kcat ended before it had started its brokers');
}
