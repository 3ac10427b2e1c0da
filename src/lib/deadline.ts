/**
 * Rejects with `reason()` when `work` has not settled within `ms`; the work itself goes on.
 *
 * When this process itself was held up, the timer fires before answers that arrived meanwhile are
 * read: they are read first, and count.
 */
export async function withDeadline<T>(
  work: Promise<T>,
  ms: number,
  reason: () => string | Error,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const giveUp = () => {
      const given = reason();
      reject(typeof given === 'string' ? new Error(given) : given);
    };
    timer = setTimeout(() => setImmediate(giveUp), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
