/**
 * Writes what is made from the table of settings: `config/authctl.yaml`, `docs/configuration.md`.
 * With `--check` it writes nothing and fails when a file is not what the table says.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { envName } from '../config/names.ts';
import { SETTING_GROUPS, type SettingName } from '../config/schema.ts';
import type { Setting } from '../config/setting.ts';

const INTRODUCTION = `<!-- Made by \`npm run docs\` from config/settings; edit those. -->

# Configuration

A setting is taken from the first of these that has it: a flag, the environment, the configuration
file (\`config/authctl.yaml\`, or what \`--config\` or \`AUTHCTL_CONFIG\` names), its default.

It has one name in every form. \`hash.memory_kib\` in the file is \`AUTHCTL_HASH_MEMORY_KIB\` in the
environment and \`--hash-memory-kib\` as a flag. In the file, \`hash.mode: sync\` and \`mode: sync\` under
\`hash:\` mean the same.

- An empty value is a missing one.
- Durations are a number and a unit: \`500ms\`, \`30s\`, \`15m\`, \`24h\`, \`30d\`. Sizes too, in powers
  of ten: \`500KB\`, \`50MB\`, \`1GB\`.
- Lists are separated by commas, or YAML lists in the file. Switches are \`on\` or \`off\`; as flags they
  take no value: \`--insecure\`, \`--no-insecure\`.
- A **secret** can also be given as a file that holds it, under the same name with \`_file\` behind:
  \`AUTHCTL_MASTER_KEY_FILE=/run/secrets/master-key\`, \`--master-key-file\`. On the command line a secret
  is only taken that way, because other users can read the arguments of a process. A master key in a
  file that every user can read is refused.
- Unknown names are refused, so that a typing mistake does not go unnoticed.

\`authctl config check\` lists every problem at once; \`authctl config show\` prints each value and where
it came from.

In production (\`env: production\`) a start is refused without an explicit \`public_url\`, \`master_key\`
and \`smtp.url\`, with \`limits: off\`, and with a public URL that is not https unless \`insecure\` is on.
The cost of a password hash cannot be set below the OWASP minimum anywhere.
`;

const YAML_INTRODUCTION = `# Configuration of authctl: every setting with its default, made by \`npm run docs\`.
# Remove the # before a line to change it. Environment variables (AUTHCTL_HASH_MODE for hash.mode)
# and flags (--hash-mode) win over this file. docs/configuration.md has the rules.
`;

export function renderMarkdown(): string {
  const groups = SETTING_GROUPS.map(({ title, settings }) => {
    const rows = Object.entries(settings).map(markdownRow);
    const head = '| setting | environment | value | default | |\n|---|---|---|---|---|';
    return `## ${title}\n\n${head}\n${rows.join('\n')}\n`;
  });
  return [INTRODUCTION, ...groups].join('\n');
}

export function renderYaml(): string {
  const groups = SETTING_GROUPS.map(({ title, settings }) => {
    const entries = Object.entries(settings).map(yamlEntry);
    return `# ---- ${title} ----\n\n${entries.join('\n')}`;
  });
  return [YAML_INTRODUCTION, ...groups].join('\n');
}

function markdownRow([name, setting]: [string, Setting]): string {
  const kind = setting.kind === 'secret' ? `secret: ${setting.expects}` : setting.expects;
  const fallback = setting.without ?? `\`${setting.default}\``;
  const cells = [
    `\`${name}\``,
    `\`${envName(name as SettingName)}\``,
    kind,
    fallback,
    setting.about,
  ];
  return `| ${cells.map((cell) => cell.replaceAll(/[|<]/g, '\\$&')).join(' | ')} |`;
}

function yamlEntry([name, setting]: [string, Setting]): string {
  const without = setting.without === undefined ? '' : ` Without: ${setting.without}.`;
  const value = setting.without === undefined ? setting.default : `"${setting.example}"`;
  return `# ${setting.about}\n# ${capitalised(setting.expects)}.${without}\n#${name}: ${value}\n`;
}

function capitalised(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function main(check: boolean): void {
  const root = join(import.meta.dirname, '..');
  const files = { 'config/authctl.yaml': renderYaml(), 'docs/configuration.md': renderMarkdown() };
  for (const [path, wanted] of Object.entries(files)) {
    const file = join(root, path);
    if (!check) writeFileSync(file, wanted);
    else if (readFileSync(file, 'utf8') !== wanted)
      throw new Error(`${path} does not match config/settings; run: npm run docs`);
  }
}

if (import.meta.main) main(process.argv.includes('--check'));
