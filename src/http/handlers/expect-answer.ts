import { AppError } from '../../errors.ts';
import type { FlowAnswer } from '../../services/flow/answers.ts';

type Status = FlowAnswer['status'];

/**
 * Narrows a flow's answer to those that a route declares; the compiler then checks the body.
 * @throws AppError `internal` for any other, which would be a bug of ours
 */
export function expectAnswer<S extends Status>(
  answer: FlowAnswer,
  ...statuses: readonly S[]
): Extract<FlowAnswer, { status: S }> {
  if (isOneOf(answer, statuses)) return answer;
  throw new AppError('internal', { log: { answer: answer.status } });
}

function isOneOf<S extends Status>(
  answer: FlowAnswer,
  statuses: readonly S[],
): answer is Extract<FlowAnswer, { status: S }> {
  return statuses.some((status) => status === answer.status);
}
