import { choice, path, type Setting, text } from '../setting.ts';

/** What this installation is. */
export const installation = {
  env: choice(['development', 'production'], {
    about: 'What kind of installation this is; production refuses to start with unsafe settings.',
    default: 'development',
  }),
  data_dir: path({
    about: 'Folder for the embedded database, the generated master key and development mails.',
    default: './data',
    example: '/var/lib/authctl',
  }),
  product: text({
    about: 'The name users see in mails and authenticator apps; passwords may not be built on it.',
    default: 'authctl',
    expects: 'a name of 1 to 64 characters without a colon',
    form: /^[^\p{Cc}:]{1,64}$/u,
    example: 'Example Shop',
  }),
} as const satisfies Record<string, Setting>;
