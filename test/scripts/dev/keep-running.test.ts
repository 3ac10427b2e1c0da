import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepRunning } from '../../../scripts/dev/keep-running.ts';
import { eventually } from '../../support/eventually.ts';

let folder: string;
let stop: AbortController;
let running: Promise<void> | undefined;

beforeEach(async () => {
  folder = await mkdtemp('/tmp/authctl-dev-');
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await running;
  await rm(folder, { recursive: true });
  await rm(notesOf(folder));
});

/** Beside the watched folder: what the program writes is no change. */
const notesOf = (watched: string) => `${watched}.notes`;

/** A program that notes when it starts, and when it is asked to end. */
const PROGRAM = `
  const note = (line) => require('node:fs').appendFileSync(process.argv[1], line + '\\n');
  note('start');
  process.on('SIGTERM', () => { note('end'); process.exit(); });
  setInterval(() => undefined, 1_000);`;

/** Keeps the program running; returns what it has noted so far. */
async function begin(prepare: () => Promise<boolean>): Promise<() => Promise<string>> {
  const notes = notesOf(folder);
  await writeFile(notes, '');
  const start = () => spawn(process.execPath, ['-e', PROGRAM, notes], { stdio: 'inherit' });
  running = keepRunning({ folders: [folder], prepare, start, stop: stop.signal });
  const read = async () => (await readFile(notes, 'utf8')).replaceAll('\n', ' ').trim();
  await eventually('it runs', async () => (await read()) === 'start');
  return read;
}

const change = (text: string) => writeFile(join(folder, 'source.ts'), text);

test('a change ends the program, then starts it anew; a stop ends it', async () => {
  let prepared = 0;
  const notes = await begin(async () => {
    prepared += 1;
    return true;
  });
  await change('one');
  await change('two');
  await eventually('it was started anew', async () => (await notes()) === 'start end start');
  expect(prepared).toBe(1);
  stop.abort();
  await running;
  expect(await notes()).toBe('start end start end');
});

test('what cannot be made ready leaves the program as it is, and the next change is seen', async () => {
  const outcomes = [false, true];
  const notes = await begin(async () => outcomes.shift() ?? false);
  await change('broken');
  await eventually('it was looked at', () => outcomes.length === 1);
  expect(await notes()).toBe('start');
  await change('whole');
  await eventually('it was started anew', async () => (await notes()) === 'start end start');
});

test('a file that is replaced, as editors do, is seen when it changes again, and so is one in a new folder', async () => {
  const notes = await begin(async () => true);
  const starts = (count: number) => async () => (await notes()).split('start').length === count + 1;
  await change('one');
  await eventually('it is seen', starts(2));
  await writeFile(`${folder}.aside`, 'two');
  await rename(`${folder}.aside`, join(folder, 'source.ts'));
  await eventually('the other in its place is seen', starts(3));
  await change('three');
  await eventually('and its change', starts(4));
  for (const count of [5, 8]) {
    await mkdir(join(folder, 'new'));
    await eventually('a new folder is seen', starts(count));
    await writeFile(join(folder, 'new', 'source.ts'), 'four');
    await eventually('and what is in it', starts(count + 1));
    await rm(join(folder, 'new'), { recursive: true });
    await eventually('and its end', starts(count + 2));
  }
});

test('what changes while a change is made ready is not missed', async () => {
  let prepared = 0;
  const notes = await begin(async () => {
    prepared += 1;
    if (prepared === 1) await change('meanwhile');
    return true;
  });
  await change('first');
  await eventually('both were run', async () => (await notes()).split('start').length === 4);
  expect(prepared).toBe(2);
});
