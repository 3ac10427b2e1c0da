import { createCipheriv, createDecipheriv } from 'node:crypto';
import { importSecretKey } from './secret-key.ts';

const CHUNK_BYTES = 65_536;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;

/**
 * Encrypts a stream of any length in constant memory: pieces of 64 KiB, each under AES-256-GCM with a
 * nonce of its number and of whether it is the last. Nothing can be changed, moved, left out or cut
 * off unnoticed: STREAM of Hoang, Reyhanitabar, Rogaway and Vizár, "Online Authenticated-Encryption
 * and its Nonce-Reuse Misuse-Resistance" (2015), section 7.
 * @param key 32 bytes that encrypt this one stream: the nonces start at 0
 * @param aad what the stream belongs to; with another it does not open
 */
export async function* sealStream(
  key: Buffer,
  aad: Uint8Array,
  plaintext: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  for await (const { piece, nonce } of pieces(plaintext, CHUNK_BYTES)) {
    const cipher = createCipheriv('aes-256-gcm', importSecretKey(key), nonce);
    cipher.setAAD(aad);
    const body = cipher.update(piece);
    cipher.final();
    yield Buffer.concat([body, cipher.getAuthTag()]);
  }
}

/**
 * Decrypts what `sealStream` made. What it yields is genuine, but only the end of the stream says that
 * nothing is missing: do nothing final before.
 * @throws Error, always the same, at the first piece that is not what was sealed
 */
export async function* openStream(
  key: Buffer,
  aad: Uint8Array,
  sealed: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  for await (const { piece, nonce } of pieces(sealed, CHUNK_BYTES + TAG_BYTES)) {
    if (piece.length < TAG_BYTES) throw new Error('sealed stream does not open');
    const decipher = createDecipheriv('aes-256-gcm', importSecretKey(key), nonce, {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(aad).setAuthTag(piece.subarray(-TAG_BYTES));
    const plaintext = decipher.update(piece.subarray(0, -TAG_BYTES));
    try {
      decipher.final();
    } catch {
      throw new Error('sealed stream does not open');
    }
    yield plaintext;
  }
}

interface Piece {
  readonly piece: Buffer;
  readonly nonce: Buffer;
}

/** Cuts into pieces of `size`, the last one shorter or, only where there is nothing at all, empty. */
async function* pieces(source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Piece> {
  let held: Uint8Array[] = [];
  let length = 0;
  let number = 0;
  for await (const bytes of source) {
    held.push(bytes);
    length += bytes.length;
    // One byte more than a piece: only then is it known not to be the last.
    if (length <= size) continue;
    let rest = Buffer.concat(held);
    for (; rest.length > size; rest = rest.subarray(size)) {
      yield { piece: rest.subarray(0, size), nonce: nonceOf(number++, false) };
    }
    held = [rest];
    length = rest.length;
  }
  yield { piece: Buffer.concat(held), nonce: nonceOf(number, true) };
}

/** `number(11, big endian) || last(1)`. */
function nonceOf(number: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUIntBE(number, NONCE_BYTES - 7, 6);
  nonce.writeUInt8(isLast ? 1 : 0, NONCE_BYTES - 1);
  return nonce;
}
