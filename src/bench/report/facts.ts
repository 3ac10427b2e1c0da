import type { DatabaseActivity } from '../database-activity.ts';
import type { MachineFacts } from '../machine.ts';
import type { BenchResult } from '../result.ts';
import { formatNumber, formatQuantity } from './number.ts';

/** What the figures were measured on, as pairs of name and text. */
export function describeMachine(machine: MachineFacts): [string, string][] {
  const { cpu, cores, memoryBytes, system, node, settings, database, fileSystem } = machine;
  const gigabytes = Math.round(memoryBytes / 2 ** 30);
  const facts: [string, string][] = [
    ['machine', `${cpu}, ${cores} cores, ${gigabytes} GiB, ${system}`],
    ['Node', node],
  ];
  if (settings) facts.push(['settings', settings.join(', ')]);
  if (database) {
    const settings = Object.entries(database.settings).map(([name, value]) => `${name}=${value}`);
    facts.push(['PostgreSQL', `${database.version}, ${settings.join(', ')}`]);
  }
  if (database?.activity) facts.push(['meanwhile', describeActivity(database.activity)]);
  if (fileSystem) facts.push(['data on', fileSystem]);
  return facts;
}

/** What PostgreSQL counted, as a sentence of parts. */
function describeActivity(activity: DatabaseActivity): string {
  const { walBytes, tempBytes, ...counts } = activity;
  const count = (name: keyof typeof counts, what: string) =>
    `${formatNumber(counts[name])} ${what}`;
  const megabytes = (bytes: number) => formatQuantity(bytes / 1e6, 'MB');
  return [
    `${count('commits', 'commits')}, ${count('rollbacks', 'rollbacks')}, ${count('deadlocks', 'deadlocks')}`,
    `rows: ${count('rowsInserted', 'inserted')}, ${count('rowsUpdated', 'updated')}, ${count('rowsDeleted', 'deleted')}`,
    `write-ahead log: ${megabytes(walBytes)}, ${count('walRecords', 'records')}, ${count('walFullPages', 'full pages')}`,
    `buffers: ${count('buffersHit', 'hit')}, ${count('buffersRead', 'read')}, ${count('buffersWritten', 'written')}`,
    `${count('checkpoints', 'checkpoints')}, ${megabytes(tempBytes)} of temporary files`,
  ].join('; ');
}

export function describeOptions(options: BenchResult['options']): string {
  return Object.entries(options)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}
