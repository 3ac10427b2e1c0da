import { AppError } from '../errors.ts';
import { withDeadline } from './deadline.ts';
import type { Logger } from './logger.ts';

/** @param leftMs what is left for all that is still to be released; `Infinity` without a deadline */
type Release = (leftMs: number) => void | Promise<void>;

/**
 * What a process has opened, released last-in-first-out.
 *
 * Start-up that fails half way and a clean shutdown run the same list. A release that throws does
 * not stop the others; the first error is reported when all have run.
 */
export interface Scope {
  /** Aborts when the end is near: it was asked for, or the release begins. */
  readonly ending: AbortSignal;
  /** Registers how to release what was just opened, under a name that the shutdown log can use. */
  own<T>(name: string, thing: T, release: (thing: T, leftMs: number) => void | Promise<void>): T;
  /** Registers work to do on release that belongs to no single thing. */
  defer(name: string, release: Release): void;
  /**
   * Releases everything, once; later calls return the first call's promise.
   * @param deadlineMs give up waiting this long after the end was asked for; the step that overran is
   *   named in the error
   */
  release(deadlineMs?: number): Promise<void>;
}

/** @param stop asks for the end; what is owned may prepare for it before its release */
export function createScope(log?: Logger, stop?: AbortSignal): Scope {
  const releaseBegins = new AbortController();
  const ending = AbortSignal.any([releaseBegins.signal, ...(stop ? [stop] : [])]);
  // Now, where it was asked for before anybody listened.
  let endsSinceMs = performance.now();
  ending.addEventListener('abort', () => {
    endsSinceMs = performance.now();
  });
  const steps: { name: string; release: Release }[] = [];
  let releasing: Promise<void> | undefined;

  async function runAll(deadlineMs: number | undefined): Promise<void> {
    const endsAtMs = endsSinceMs + (deadlineMs ?? Number.POSITIVE_INFINITY);
    let current = '';
    let firstError: unknown;
    const work = (async () => {
      for (let step = steps.pop(); step; step = steps.pop()) {
        current = step.name;
        try {
          await step.release(Math.max(0, endsAtMs - performance.now()));
        } catch (error) {
          firstError ??= error;
          log?.error({ err: error, step: step.name }, 'release failed');
        }
      }
    })();
    if (deadlineMs === undefined) await work;
    else {
      const leftMs = Math.max(0, endsAtMs - performance.now());
      await withDeadline(work, leftMs, () => overrun(current, deadlineMs));
    }
    if (firstError !== undefined) throw firstError;
  }

  return {
    ending,
    own(name, thing, release) {
      steps.push({ name, release: (leftMs) => release(thing, leftMs) });
      return thing;
    },
    defer(name, release) {
      steps.push({ name, release });
    },
    release(deadlineMs) {
      releaseBegins.abort();
      releasing ??= runAll(deadlineMs);
      return releasing;
    },
  };
}

function overrun(step: string, deadlineMs: number): AppError {
  return new AppError('internal', {
    text: `The stop was cut short after ${deadlineMs / 1_000} s, while it waited for: ${step}.`,
    hint: 'if that may take longer, raise shutdown.deadline (AUTHCTL_SHUTDOWN_DEADLINE)',
  });
}
