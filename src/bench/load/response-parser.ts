const CR = 13;
const LF = 10;
const COLON = 58;
/** A head longer than this is not an answer of ours. */
const MAX_HEAD_BYTES = 16_384;
const EMPTY = Buffer.alloc(0);

/** One answer, valid during the call. */
export interface Answer {
  readonly status: number;
  /** Empty unless the parser was asked for bodies. */
  readonly body: Buffer;
  readonly wireBytes: number;
  readonly keepAlive: boolean;
  /** What `Retry-After` asks for; 0 without one. */
  readonly retryAfterSeconds: number;
}

export interface ResponseParser {
  /**
   * Takes what the socket read; the bytes are copied where an answer is not yet complete.
   * @returns false where they are not an HTTP/1.1 answer with a content length
   */
  push(chunk: Buffer): boolean;
}

/**
 * The least HTTP/1.1 that measuring needs: status line, `Content-Length`, `Connection` and
 * `Retry-After`. Chunked answers are refused (RFC 9112 §6.3): every answer of the appliance knows its length. A general
 * client costs several times as much, and on a small machine its CPU is taken from the server that
 * is being measured.
 */
export function createResponseParser(
  wantsBody: boolean,
  onResponse: (answer: Answer) => void,
): ResponseParser {
  let held: Buffer = EMPTY;
  let bodyLeft = 0;
  let status = 0;
  let keepAlive = true;
  let retryAfterSeconds = 0;
  let wireBytes = 0;

  /** Reads the head at the start of `bytes`; -1 incomplete, -2 malformed, else where the body starts. */
  function readHead(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n\r\n', 0, 'latin1');
    if (end < 0) return bytes.length > MAX_HEAD_BYTES ? -2 : -1;
    status = statusOf(bytes);
    if (status === 0) return -2;
    keepAlive = true;
    retryAfterSeconds = 0;
    let length = status === 204 || status === 304 ? 0 : -1;
    for (let line = bytes.indexOf(LF) + 1; line > 0 && line <= end; ) {
      const next = bytes.indexOf(LF, line) + 1;
      // The colon's place rules out almost every other header with one comparison.
      if (bytes[line + 14] === COLON && isName(bytes, line, 'content-length')) {
        length = decimalAt(bytes, line + 15);
        if (length < 0) return -2;
      } else if (bytes[line + 10] === COLON && isName(bytes, line, 'connection')) {
        keepAlive = !/close/i.test(bytes.toString('latin1', line + 11, next));
      } else if (bytes[line + 11] === COLON && isName(bytes, line, 'retry-after')) {
        retryAfterSeconds = Math.max(0, decimalAt(bytes, line + 12));
      }
      line = next;
    }
    if (length < 0) return -2;
    bodyLeft = length;
    return end + 4;
  }

  function finish(body: Buffer): void {
    const bytes = wireBytes;
    wireBytes = 0;
    bodyLeft = 0;
    onResponse({ status, body, wireBytes: bytes, keepAlive, retryAfterSeconds });
  }

  /** The head is read; `rest` is what follows it. */
  function readBody(rest: Buffer): boolean {
    if (rest.length > bodyLeft) return false;
    if (rest.length === bodyLeft) {
      finish(wantsBody ? rest : EMPTY);
      return true;
    }
    if (wantsBody) held = Buffer.from(rest);
    bodyLeft -= rest.length;
    return true;
  }

  function pushBody(chunk: Buffer): boolean {
    if (chunk.length > bodyLeft) return false;
    bodyLeft -= chunk.length;
    if (wantsBody) held = Buffer.concat([held, chunk]);
    if (bodyLeft > 0) return true;
    const body = held;
    held = EMPTY;
    finish(body);
    return true;
  }

  return {
    push(chunk) {
      wireBytes += chunk.length;
      if (bodyLeft > 0) return pushBody(chunk);
      const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      held = EMPTY;
      const bodyStart = readHead(bytes);
      if (bodyStart === -2) return false;
      if (bodyStart === -1) {
        held = Buffer.from(bytes);
        return true;
      }
      return readBody(bytes.subarray(bodyStart));
    },
  };
}

/** `HTTP/1.1 201` → 201; 0 where it is anything else, 1xx included. */
function statusOf(bytes: Buffer): number {
  if (bytes[0] !== 72 || bytes[5] !== 49 || bytes[7] !== 49 || bytes[8] !== 32) return 0;
  const status = (bytes[9]! - 48) * 100 + (bytes[10]! - 48) * 10 + (bytes[11]! - 48);
  return status >= 200 && status <= 599 ? status : 0;
}

function isName(bytes: Buffer, at: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    if ((bytes[at + i]! | 32) !== name.charCodeAt(i)) return false;
  }
  return true;
}

/** The number after optional spaces, up to the line's end; -1 where there is none. */
function decimalAt(bytes: Buffer, at: number): number {
  let index = at;
  while (bytes[index] === 32) index++;
  let value = -1;
  for (; bytes[index] !== CR; index++) {
    const digit = bytes[index]! - 48;
    if (digit < 0 || digit > 9 || value > 1e8) return -1;
    value = Math.max(value, 0) * 10 + digit;
  }
  return value;
}
