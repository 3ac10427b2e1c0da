import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Answer, createResponseParser } from '../../../src/bench/load/response-parser.ts';

function collector(wantsBody = true) {
  const answers: (Omit<Answer, 'body'> & { readonly body: string })[] = [];
  const parser = createResponseParser(wantsBody, (answer) =>
    answers.push({ ...answer, body: answer.body.toString() }),
  );
  return { answers, push: (text: string) => parser.push(Buffer.from(text)) };
}

const head = (status: number, ...lines: string[]) =>
  `${[`HTTP/1.1 ${status} Whatever`, ...lines].join('\r\n')}\r\n\r\n`;

describe('response parser', () => {
  it('reads an answer cut at any place, and counts its bytes', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme-ascii', maxLength: 60 }),
        fc.array(fc.nat(300), { maxLength: 6 }),
        (body, cuts) => {
          const { answers, push } = collector();
          const text = head(201, 'X-A: b', `Content-Length: ${body.length}`, 'Date: now') + body;
          const edges = [0, ...cuts.map((c) => c % (text.length + 1)), text.length];
          edges.sort((a, b) => a - b);
          for (let i = 1; i < edges.length; i++) {
            if (edges[i]! > edges[i - 1]!)
              expect(push(text.slice(edges[i - 1], edges[i]))).toBe(true);
          }
          expect(answers).toEqual([
            { status: 201, body, wireBytes: text.length, keepAlive: true, retryAfterSeconds: 0 },
          ]);
        },
      ),
    );
  });

  it('reads several answers one after the other', () => {
    const { answers, push } = collector(false);
    for (const status of [200, 503, 204]) {
      push(status === 204 ? head(204) : `${head(status, 'content-length: 2')}{}`);
    }
    expect(answers.map((a) => a.status)).toEqual([200, 503, 204]);
  });

  it('knows when it may ask again, and forgets it with the next answer', () => {
    const { answers, push } = collector(false);
    push(`${head(503, 'Retry-After: 12', 'Content-Length: 0')}`);
    push(`${head(200, 'Content-Length: 0')}`);
    expect(answers.map((answer) => answer.retryAfterSeconds)).toEqual([12, 0]);
  });

  it('notices that the server will close', () => {
    const { answers, push } = collector();
    push(`${head(200, 'Connection: close', 'Content-Length: 0')}`);
    expect(answers[0]?.keepAlive).toBe(false);
  });

  it.each([
    ['no length', head(200, 'X: y')],
    ['a chunked body', head(200, 'Transfer-Encoding: chunked')],
    ['another protocol', 'SSH-2.0-x\r\n\r\n'],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['a length that is no number', head(200, 'Content-Length: 2x')],
    ['an empty length', head(200, 'Content-Length:')],
    ['more body than announced', `${head(200, 'Content-Length: 1')}ab`],
    ['an endless head', `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(20_000)}`],
  ])('refuses %s', (_, text) => {
    const { answers, push } = collector();
    expect(push(text)).toBe(false);
    expect(answers).toEqual([]);
  });
});
