import { expect, test } from 'vitest';
import { describeError } from '../../src/lib/describe-error.ts';

const refusedRow = Object.assign(new Error('violates a constraint'), {
  code: '23514',
  detail: 'Failing row contains ($argon2id$…)',
});

test('an error keeps what names it and loses what it was about', () => {
  const described = describeError(refusedRow);
  expect(described).toMatchObject({
    type: 'Error',
    message: 'violates a constraint',
    code: '23514',
  });
  expect(described.stack).toContain('describe-error.test');
  expect(JSON.stringify(described)).not.toContain('argon2id');
});

test('so do its causes and the errors it gathers', () => {
  const cause = new AggregateError([refusedRow, { row: '$argon2id$…' }], 'several');
  const described = describeError(new Error('outer', { cause }));
  expect(described).toMatchObject({
    message: 'outer',
    cause: { message: 'several', errors: [{ code: '23514' }, { type: 'object' }] },
  });
  expect(JSON.stringify(described)).not.toContain('argon2id');
});
