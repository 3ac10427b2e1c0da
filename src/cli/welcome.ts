import { join } from 'node:path';
import type { Config } from '../../config/index.ts';
import type { Serving } from '../app/start-serve.ts';
import { presentServing } from './ready-line.ts';

/** What `serve` prints once it serves: where everything is, and how to try it. */
export function welcome(config: Config, serving: Serving): string {
  const { url, management_url } = presentServing(config, serving);
  const lines = [
    `authctl serves ${url}   (${config.env})`,
    ...(management_url === null ? [] : [`management    ${management_url}`]),
    ...(usesDataFolder(config, serving) ? [`data          ${config.dataDir}`] : []),
    `database      ${serving.isEmbedded ? 'embedded PostgreSQL, in the data folder' : 'external PostgreSQL'}`,
  ];
  if (config.env === 'production') return lines.join('\n');
  const mail = join(config.dataDir, 'mail');
  const api = config.publicUrl ?? reachable(url);
  const ada = sampleUser(config);
  return [
    ...lines,
    `try the API   ${api}/docs`,
    config.smtp.url ? '' : `mails         ${mail}   (authctl mail list)\n`,
    'Or in another terminal:',
    '',
    `  curl -s ${api}/v1/register -H 'Content-Type: application/json' \\`,
    `    -d '${ada}'`,
    '',
    ...(config.registration.identifier === 'username'
      ? []
      : [
          `  # the answer's flow_token, and the code ${config.smtp.url ? 'mailed' : `mailed to ${mail}`}`,
          `  curl -s ${api}/v1/verify -H 'Content-Type: application/json' \\`,
          `    -d '{"flow_token":"ft_...","code":"XXXX-XXXX"}'`,
          '',
        ]),
    `  curl -s ${api}/v1/login -H 'Content-Type: application/json' \\`,
    `    -d '${ada}'`,
    '',
  ].join('\n');
}

/** Somebody whom this configuration lets register: what is printed is to be pasted. */
function sampleUser({ domains, registration, password }: Config): string {
  const [domain = 'example.com'] = domains;
  const name =
    registration.identifier === 'username' ? { username: 'ada' } : { email: `ada@${domain}` };
  const phrase =
    password.require.length > 0 ? 'Correct-horse-battery-staple-7' : 'correct horse battery staple';
  return JSON.stringify({ ...name, password: phrase });
}

/** With an external database, a configured key and a mail server nothing is in it, and it may not exist. */
function usesDataFolder(config: Config, { isEmbedded }: Serving): boolean {
  return isEmbedded || config.masterKey === undefined || config.smtp.url === undefined;
}

/** What listens everywhere is called here. */
function reachable(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}
