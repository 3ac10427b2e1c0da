import { Flags } from '@oclif/core';
import type { Config } from '../../config/index.ts';
import { rotateMasterKey } from '../../src/app/rotate-master-key.ts';
import { CoreCommand } from '../../src/cli/core-command.ts';
import { printWarning } from '../../src/cli/failure.ts';
import { formatElapsed } from '../../src/cli/format.ts';
import { AppError } from '../../src/errors.ts';
import { parseDuration } from '../../src/lib/duration.ts';
import { KEY_KINDS } from '../../src/services/key/kinds.ts';
import { type RotateResult, rotateSecret, rotateSigning } from '../../src/services/key/rotate.ts';

type Result = RotateResult & { warnings: string[] };

const USUAL_GRACE = '24h';

export default class KeysRotate extends CoreCommand<typeof KeysRotate> {
  static override summary = 'Replace a key while serving: no restart, no token refused.';
  static override description =
    'signing: the published next key signs at once, the old one verifies until its grace ends; with a grace shorter than access.ttl, tokens of the old key end early. ' +
    'pepper, refresh, data, code: what is new uses a new key at once; passwords, sessions and authenticators move to it when they are next used. ' +
    'master: every key is sealed again with the next master key; where it is configured, every node must ' +
    'have been started with AUTHCTL_MASTER_KEY_NEXT before (docs/operations.md).';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --grace 1h --dry-run',
    '<%= config.bin %> <%= command.id %> --kind pepper',
    '<%= config.bin %> <%= command.id %> --kind master',
  ];
  static override flags = {
    kind: Flags.option({
      summary: 'Which key.',
      options: [...KEY_KINDS, 'master'] as const,
      default: 'signing' as const,
    })(),
    grace: Flags.string({
      summary: `How long the old signing key still verifies. [${USUAL_GRACE}]`,
      helpValue: '<duration>',
    }),
    'dry-run': Flags.boolean({ summary: 'Say what would happen, change nothing.', default: false }),
  };

  async run(): Promise<Result> {
    const { kind, grace = USUAL_GRACE } = this.flags;
    if (kind !== 'signing' && this.flags.grace !== undefined)
      throw new AppError('usage', {
        text: `--grace is for signing keys; the old ${kind} key stays while it is needed.`,
        hint: `authctl keys rotate --kind ${kind}`,
      });
    const graceMs = parseDuration(grace);
    if (graceMs === null)
      throw new AppError('usage', {
        text: `--grace ${grace} is not a duration.`,
        hint: 'write it like 30m or 24h',
      });
    return this.withCore(async (core) => {
      const { db, clock, masters, config } = core;
      const dryRun = this.flags['dry-run'];
      const deps = { db, clock, actor: this.actor, loadMasters: masters.load };
      const rotate = () => {
        if (kind === 'signing') return rotateSigning(deps, { graceMs, dryRun });
        if (kind === 'master') return rotateMasterKey(deps, masters, { dryRun });
        return rotateSecret(deps, { kind, dryRun });
      };
      const rotated = await rotate();
      this.log(describe(rotated));
      if (kind === 'master' && !dryRun) this.log(whatIsLeft(masters.files?.current));
      const warnings = warningsOf(rotated, graceMs, config);
      // Under --json they are in the answer.
      if (!this.jsonEnabled())
        for (const warning of warnings) printWarning(warning, process.stderr);
      return { ...rotated, warnings };
    });
  }
}

function warningsOf(rotated: RotateResult, graceMs: number, config: Config): string[] {
  if (rotated.kind === 'signing') return warnOfGrace(graceMs, config.access.ttlMs);
  if (rotated.kind === 'code') return warnOfSecrets(rotated.previous_kid, config);
  return [];
}

/** After a leak that is what is wanted; else it signs users' requests out early. */
function warnOfGrace(graceMs: number, accessTtlMs: number): string[] {
  if (graceMs >= accessTtlMs) return [];
  const when = graceMs === 0 ? 'at once' : `with its grace, in ${formatElapsed(graceMs)}`;
  const ttl = formatElapsed(accessTtlMs);
  return [`Access tokens live ${ttl}; those of the old key end ${when}: clients must refresh.`];
}

/** Secrets are made from this key, and `keys list` cannot know who still verifies with the old ones. */
function warnOfSecrets(previousKid: string, { webhook, sms }: Config): string[] {
  const derived = [
    ...(webhook.url && !webhook.secret ? ['authctl events webhook-secret'] : []),
    ...(sms.url && !sms.secret ? ['authctl sms secret'] : []),
  ];
  return derived.map(
    (command) =>
      `Give the receiver its new secret (${command}) before ${previousKid} is retired; both sign until then.`,
  );
}

/** A rotation of the master key is over only when somebody has done this. */
function whatIsLeft(generatedFile: string | undefined): string {
  return generatedFile
    ? `Copy ${generatedFile} away, apart from the backups.`
    : 'Now make it AUTHCTL_MASTER_KEY on every node, in the place of AUTHCTL_MASTER_KEY_NEXT.';
}

function describe({ kind, dry_run, active_kid, previous_kid, not_after }: RotateResult): string {
  const verb = dry_run ? 'would become' : 'is now';
  const rest = kind === 'master' ? 'opens older backups' : 'stays while it is needed';
  const until = not_after ? `verifies until ${not_after}` : rest;
  return `${active_kid ?? 'a new key'} ${verb} the active ${kind} key; ${previous_kid} ${until}`;
}
