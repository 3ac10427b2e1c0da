import { readFileSync } from 'node:fs';

/** Reads a file of `test/vectors/`: official test vectors, kept as data. */
export function readVectors<T>(name: string): T {
  const url = new URL(`../vectors/${name}`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as T;
}

/** Bytes written in hexadecimal. */
export function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}
