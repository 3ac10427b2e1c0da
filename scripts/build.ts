/** Makes the program ready to run: database client, JavaScript and bill of materials in `dist/`, list of commands. */
import { spawnSync } from 'node:child_process';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { constants, gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { makeBillOfMaterials } from './bill-of-materials.ts';
import { readApiReference } from './read-api-reference.ts';

const root = join(import.meta.dirname, '..');
const { resolve } = createRequire(import.meta.url);

// Generating needs no engine, but Prisma downloads one unless it is told of some executable.
run('prisma', 'build/index.js', ['generate'], { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath });

// Compiled aside and then exchanged: a failed build leaves the last good one, and no file of a removed
// command stays behind to be taken for one.
run('typescript', 'bin/tsc', ['-p', 'tsconfig.build.json', '--outDir', 'dist.new']);
await makeOneFile('src/http/kernel/typebox.js');
writeFileSync(
  join(root, 'dist.new', 'api-reference.js.gz'),
  gzipSync(await readApiReference(), { level: constants.Z_BEST_COMPRESSION }),
);
writeFileSync(
  join(root, 'dist.new', 'sbom.cdx.json'),
  JSON.stringify(
    makeBillOfMaterials(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))),
  ),
);
rmSync(join(root, 'dist'), { recursive: true, force: true });
renameSync(join(root, 'dist.new'), join(root, 'dist'));

run('oclif', 'bin/run.js', ['manifest']);

/** Puts a compiled module and all that it imports into that module's file: one read at start-up. */
async function makeOneFile(module: string): Promise<void> {
  const file = join(root, 'dist.new', module);
  const licence = readFileSync(join(dirname(resolve('typebox')), '..', 'license'), 'utf8');
  const bundle = await rolldown({ input: file, platform: 'node' });
  await bundle.write({ file, banner: `/*! TypeBox\n${licence} */` });
  await bundle.close();
}

function run(name: string, script: string, args: string[], env: NodeJS.ProcessEnv = {}): void {
  const program = join(dirname(resolve(`${name}/package.json`)), script);
  const { status } = spawnSync(process.execPath, [program, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}
