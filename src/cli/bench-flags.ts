import { Flags } from '@oclif/core';
import type { BenchOptions } from '../bench/context.ts';
import { AppError } from '../errors.ts';
import { parseDuration } from '../lib/duration.ts';

/** What every benchmark takes. */
export const reportFlags = {
  html: Flags.string({ summary: 'Write a report with plots to this file.', helpValue: '<file>' }),
  repeat: Flags.integer({
    summary: 'Measure this often and quote the median.',
    default: 1,
    min: 1,
    max: 100,
  }),
  folder: Flags.string({
    summary: 'Make the throwaway data folder in here. [the folder for temporary files]',
    helpValue: '<folder>',
  }),
  check: Flags.boolean({ summary: 'Exit 1 if a figure is below its bar.', default: false }),
};

const duration = Flags.string({
  summary: 'How long each load lasts, such as 20s.',
  helpValue: '<duration>',
});

/** What a benchmark takes that only watches a throwaway appliance. */
export const durationFlags = { ...reportFlags, duration };

/** What a benchmark takes that loads an appliance. */
export const loadFlags = {
  ...durationFlags,
  connections: Flags.integer({
    summary: 'Connections, each with one request under way.',
    min: 1,
    max: 10_000,
  }),
  url: Flags.string({
    summary: 'Measure the appliance that runs here on this machine, not a throwaway one.',
    helpValue: '<url>',
  }),
  domain: Flags.string({
    summary: 'Register at this domain; with --url it must be verified and ask for no code.',
    default: 'bench.example',
    helpValue: '<domain>',
  }),
};

/** How registrations are hashed. */
export const modeFlag = Flags.option({
  summary: 'hash.mode of the throwaway appliance.',
  options: ['adaptive', 'sync', 'deferred'] as const,
});

/** The parsed flags of any benchmark. */
export interface BenchFlags {
  readonly html?: string | undefined;
  readonly repeat: number;
  readonly folder?: string | undefined;
  readonly check: boolean;
  readonly duration?: string | undefined;
  readonly connections?: number | undefined;
  readonly url?: string | undefined;
  readonly domain?: string | undefined;
  readonly mode?: BenchOptions['mode'];
  readonly duplicates?: string | undefined;
  readonly preload?: number | undefined;
  readonly bounded?: boolean | undefined;
  readonly requests?: number | undefined;
}

/** @throws AppError `usage` naming the flag that cannot be read */
export function toBenchOptions(flags: BenchFlags): BenchOptions {
  const { connections, repeat, mode, preload, bounded, requests, url, folder } = flags;
  return {
    connections,
    repeat,
    mode,
    preload,
    bounded,
    requests,
    url,
    domain: flags.domain ?? 'bench.example',
    parentFolder: folder,
    durationMs: flags.duration === undefined ? undefined : readDuration(flags.duration),
    duplicates: flags.duplicates === undefined ? undefined : readShare(flags.duplicates),
  };
}

function readDuration(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds !== null && milliseconds >= 1_000) return milliseconds;
  throw new AppError('usage', {
    text: `--duration ${text} is not a duration of a second or more.`,
    hint: 'write it like 20s or 2m',
  });
}

function readShare(text: string): number {
  const share = Number(text);
  if (share > 0 && share < 1) return share;
  throw new AppError('usage', {
    text: `--duplicates ${text} is not a share between 0 and 1.`,
    hint: 'one in a hundred is 0.01',
  });
}
