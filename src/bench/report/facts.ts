import type { MachineFacts } from '../machine.ts';
import type { BenchResult } from '../result.ts';

/** What the figures were measured on, as pairs of name and text. */
export function describeMachine(machine: MachineFacts): [string, string][] {
  const { cpu, cores, memoryBytes, system, node, database, fileSystem } = machine;
  const gigabytes = Math.round(memoryBytes / 2 ** 30);
  const facts: [string, string][] = [
    ['machine', `${cpu}, ${cores} cores, ${gigabytes} GiB, ${system}`],
    ['Node', node],
  ];
  if (database) {
    const settings = Object.entries(database.settings).map(([name, value]) => `${name}=${value}`);
    facts.push(['PostgreSQL', `${database.version}, ${settings.join(', ')}`]);
  }
  if (fileSystem) facts.push(['data on', fileSystem]);
  return facts;
}

export function describeOptions(options: BenchResult['options']): string {
  return Object.entries(options)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}
