import type { Config } from '../../config/index.ts';
import type { Serving } from '../app/start-serve.ts';

/** What `serve --json` says once it serves. */
export interface Ready {
  readonly url: string;
  readonly management_url: string | null;
  /** null where the database is an external one. */
  readonly data_dir: string | null;
  readonly pid: number;
}

/** The facts of the one line that a process which runs until it is stopped writes under `--json`. */
export function presentServing(config: Config, serving: Serving): Ready {
  return {
    url: httpUrl(config.host, serving.port),
    ...presentWorker(config, serving),
  };
}

/** Those of a worker, which serves nothing but its health and metrics, if anything. */
export function presentWorker(
  { management, dataDir }: Config,
  { managementPort, isEmbedded }: Pick<Serving, 'managementPort' | 'isEmbedded'>,
): Omit<Ready, 'url'> {
  return {
    management_url: managementPort === null ? null : httpUrl(management.host, managementPort),
    data_dir: isEmbedded ? dataDir : null,
    pid: process.pid,
  };
}

/** An IPv6 address stands in brackets (RFC 3986 §3.2.2). */
function httpUrl(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
