import type { IncomingMessage } from 'node:http';
import { AppError } from '../../errors.ts';
import { type JsonObject, parseStrictJson } from './strict-json.ts';

/** The largest body any route takes: 16 KiB. */
const MAX_BODY_BYTES = 16_384;

/** What a route that declares no body receives. */
export const NO_BODY: JsonObject = {};
/** Parameters other than the charset, and charsets other than UTF-8, are refused. */
const JSON_MEDIA_TYPE = /^application\/json(?:[ \t]*;[ \t]*charset=(?:utf-8|"utf-8"))?[ \t]*$/i;

/**
 * Reads the body of a request as one strict JSON object.
 *
 * Nothing is read before the headers have passed, and never more than 16 KiB are held.
 *
 * @param required false lets an empty body stand for `{}`: the route declares none
 * @throws AppError `unsupported_media_type`: not `application/json` in UTF-8, or compressed
 * @throws AppError `body_too_large`: more than 16 KiB, announced or sent
 * @throws AppError `malformed_json`, `validation_failed`: see `parseStrictJson`; also an empty body
 *   where one is required
 */
export async function readJsonBody(
  request: IncomingMessage,
  required: boolean,
): Promise<JsonObject> {
  if (!hasContent(request)) {
    if (required) throw emptyBody();
    return NO_BODY;
  }
  checkMediaType(request);
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const bytes = await readBytes(request);
  if (bytes.length === 0) {
    if (required) throw emptyBody();
    return NO_BODY;
  }
  return parseStrictJson(bytes);
}

/** Whether the request announces content (RFC 9112 §6): a length other than 0, or chunks. */
export function hasContent(request: IncomingMessage): boolean {
  const { headers } = request;
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

function checkMediaType(request: IncomingMessage): void {
  const type = request.headers['content-type'];
  const coding = request.headers['content-encoding'];
  const isJson =
    type === 'application/json' || (type !== undefined && JSON_MEDIA_TYPE.test(type.trim()));
  if (!isJson) throw new AppError('unsupported_media_type');
  if (coding !== undefined && coding.toLowerCase() !== 'identity')
    throw new AppError('unsupported_media_type');
}

function readBytes(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;

    function onData(chunk: Buffer): void {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) {
        chunks.push(chunk);
        return;
      }
      request.off('data', onData);
      request.pause();
      reject(tooLarge());
    }

    request.on('data', onData);
    request.on('end', () =>
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)),
    );
    // The client went away half way: there is nobody to answer, and nothing of ours went wrong.
    request.on('error', (cause) => reject(new AppError('malformed_json', { cause })));
  });
}

function tooLarge(): AppError {
  return new AppError('body_too_large');
}

function emptyBody(): AppError {
  return new AppError('malformed_json', { text: 'The body is empty. Send a JSON object.' });
}
