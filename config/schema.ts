/**
 * Every setting, once: its type, default and sentence. The loader, the flags, `config show`,
 * `config/authctl.yaml` and `docs/configuration.md` are all made from these tables.
 */
import type { Setting } from './setting.ts';
import { events } from './settings/events.ts';
import { hashing } from './settings/hashing.ts';
import { installation } from './settings/installation.ts';
import { keys } from './settings/keys.ts';
import { limits } from './settings/limits.ts';
import { listeners } from './settings/listeners.ts';
import { logs } from './settings/logs.ts';
import { mail } from './settings/mail.ts';
import { passwords } from './settings/passwords.ts';
import { registration } from './settings/registration.ts';
import { stores } from './settings/stores.ts';
import { worker } from './settings/worker.ts';

export const SETTINGS = {
  ...installation,
  ...listeners,
  ...stores,
  ...keys,
  ...hashing,
  ...passwords,
  ...registration,
  ...limits,
  ...mail,
  ...events,
  ...worker,
  ...logs,
};

export type SettingName = keyof typeof SETTINGS;

interface SettingGroup {
  readonly title: string;
  readonly settings: Readonly<Record<string, Setting>>;
}

/** The same, in the order in which they are read. */
export const SETTING_GROUPS: readonly SettingGroup[] = [
  { title: 'Installation', settings: installation },
  { title: 'Listeners', settings: listeners },
  { title: 'Stores', settings: stores },
  { title: 'Keys, tokens and sessions', settings: keys },
  { title: 'Password hashing', settings: hashing },
  { title: 'Password rules', settings: passwords },
  { title: 'Registration and flows', settings: registration },
  { title: 'Limits', settings: limits },
  { title: 'Mail', settings: mail },
  { title: 'Events', settings: events },
  { title: 'Worker', settings: worker },
  { title: 'Logs and traces', settings: logs },
];
