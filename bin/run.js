#!/usr/bin/env node
// Plain JavaScript that an old Node can still parse: it may have to say that it is too old.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism, constants, userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR = 24;
const pinnedNode = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));

// Not awaited: a reader that closes the pipe ends the program while this is still under way.
if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR) void start();
else if (existsSync(pinnedNode)) runWith(pinnedNode);
else refuse(`authctl needs Node ${NODE_MAJOR} or newer; this is ${process.versions.node}.`);

async function start() {
  if (process.env.AUTHCTL_WRAPPED) followWrapper();
  if (!existsSync(new URL('../dist/commands', import.meta.url))) {
    refuse('authctl is not built yet. Type: npm run build');
    return;
  }
  // Hashing, DNS and file access share libuv's threads, whose number is read at their first use. Name
  // look-ups may hold half of them, for as long as a resolver does not answer: the other half has one
  // for each hash in flight, and some that hashing cannot take.
  const slots = Number(process.env.AUTHCTL_HASH_SLOTS) || availableParallelism();
  process.env.UV_THREADPOOL_SIZE ??= String(Math.min(2 * slots + 6, 1024));

  // Compiled code is kept beside the program it belongs to, never in a folder that others can write.
  const { enableCompileCache } = await import('node:module');
  enableCompileCache(fileURLToPath(new URL('../dist/.compile-cache', import.meta.url)));

  inventAccount();
  const { execute, settings } = await import('@oclif/core');
  settings.enableAutoTranspile = false;
  // oclif would load plugins that a file in AUTHCTL_DATA_DIR names: code of whoever can write data.
  await execute({ dir: import.meta.url, loadOptions: { userPlugins: false } });
}

/** A container may run us as a number that no account has: oclif then dies looking for its home and shell. */
function inventAccount() {
  try {
    userInfo();
  } catch {
    process.env.HOME ??= '/';
    process.env.SHELL ??= '/bin/sh';
  }
}

/** Runs this program under another Node, in its own session so that each signal reaches it once. */
function runWith(node) {
  const child = spawn(node, process.argv.slice(1), {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, AUTHCTL_WRAPPED: '1' },
    detached: true,
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}

/** The wrapper may be killed without a chance to pass that on; its end of the channel then closes. */
function followWrapper() {
  delete process.env.AUTHCTL_WRAPPED;
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel?.unref();
}

function refuse(text) {
  process.stderr.write(`error: ${text}\n`);
  process.exitCode = 2;
}
