import { Command, Errors, Flags, type Interfaces } from '@oclif/core';
import { type Config, type Given, loadConfig } from '../../config/index.ts';
import { AppError } from '../errors.ts';
import { createScope, type Scope } from '../lib/lifecycle.ts';
import { createLogger, type Logger } from '../lib/logger.ts';
import { Interrupted, presentFailure, printFailure, toFailure } from './failure.ts';
import { settingFlags, toEnvironment } from './setting-flags.ts';
import { listenForStop } from './stop-signal.ts';
import { type WatchedOutput, watchOutput } from './watch-output.ts';

type FlagsOf<T extends typeof Command> = Interfaces.InferredFlags<
  (typeof BaseCommand)['baseFlags'] & T['flags']
>;

type ArgsOf<T extends typeof Command> = Interfaces.InferredArgs<T['args']>;

/** What a command works with while its scope is open. */
export interface CommandContext {
  readonly settings: Config;
  /** Whatever is opened is owned here and released when the work ends, however it ends. */
  readonly scope: Scope;
  readonly log: Logger;
  /** Aborted when the operator asks to stop. */
  readonly stop: AbortSignal;
}

/** Of `shutdown.deadline`; the rest is for closing what the start has opened. */
const SHARE_OF_START = 0.75;

/** The flag that destructive commands take instead of asking. */
export const yesFlag = Flags.boolean({ char: 'y', summary: 'Really do it.', default: false });

/**
 * Every command: settings, scope, signals, exit codes, hints and `--json`, once.
 *
 * `class Rotate extends BaseCommand<typeof Rotate>` finds its parsed input in `this.flags` and
 * `this.args`. What `run` returns is the output of `--json`; `this.log` is for people and silent then.
 */
export abstract class BaseCommand<T extends typeof Command = typeof Command> extends Command {
  static override enableJsonFlag = true;

  static override baseFlags = {
    config: Flags.string({
      summary: 'Configuration file. [config/authctl.yaml]',
      helpGroup: 'GLOBAL',
      helpValue: '<path>',
    }),
    ...settingFlags(['data_dir', 'database.url', 'log.level']),
  };

  /** A process that runs until it is asked to stop: a signal then is a normal end, not an interruption. */
  static longRunning = false;

  protected flags!: FlagsOf<T>;
  protected args!: ArgsOf<T>;
  #settings: Config | undefined;
  #output: WatchedOutput | undefined;

  protected override async init(): Promise<void> {
    await super.init();
    this.#output = watchOutput(this.#isLongRunning);
    const { flags, args, strict } = this.ctor;
    const baseFlags = BaseCommand.baseFlags;
    const parsed = await this.parse({ flags, baseFlags, args, strict, enableJsonFlag: true });
    // The parser's result has the shape that both types are inferred from.
    this.flags = parsed.flags as FlagsOf<T>;
    this.args = parsed.args as ArgsOf<T>;
  }

  /** Where this run's settings come from; the only reader of the process's environment. */
  protected get given(): Given {
    return { env: process.env, flags: this.flags, file: this.flags.config };
  }

  /** The environment that gives a child process this run's settings, flags included. */
  protected get childEnv(): NodeJS.ProcessEnv {
    const { env, flags, file } = this.given;
    return { ...env, ...toEnvironment(flags), ...(file ? { AUTHCTL_CONFIG: file } : {}) };
  }

  /**
   * The settings of this run, read on first use.
   * @throws AppError `config_invalid` listing every problem
   */
  protected get settings(): Config {
    this.#settings ??= loadConfig(this.given);
    return this.#settings;
  }

  /**
   * Runs `work` and releases what it opened, last-in-first-out, whether it succeeded or not.
   * A short command that is interrupted stops waiting for its work and exits 130; so does a start that
   * does not get anywhere, after a while.
   */
  protected async withScope<R>(work: (context: CommandContext) => Promise<R>): Promise<R> {
    const settings = this.settings;
    const log = this.#createLog(settings);
    const stop = listenForStop('supervised' in this.flags && this.flags['supervised'] === true);
    const scope = createScope(log, stop.signal);
    const { deadlineMs } = settings.shutdown;
    try {
      const working = work({ settings, scope, log, stop: stop.signal });
      const patienceMs = this.#isLongRunning ? deadlineMs * SHARE_OF_START : 0;
      return await Promise.race([working, interruption(stop.signal, patienceMs)]);
    } catch (error) {
      // Whatever a start was waiting for, it was told to stop.
      throw stop.signal.aborted ? new Interrupted() : error;
    } finally {
      await scope.release(deadlineMs);
      stop.dispose();
    }
  }

  /**
   * Guards a destructive command.
   * @throws AppError `usage` without `--yes`
   */
  protected requireYes(consequence: string): void {
    if ('yes' in this.flags && this.flags['yes'] === true) return;
    throw new AppError('usage', {
      text: `${consequence} Nothing was changed.`,
      hint: 'add --yes to do it',
    });
  }

  /** Under `--json`, says in one line that a long-running process is ready, and where; it writes no other. */
  protected sayReady(facts: object): void {
    if (this.jsonEnabled()) process.stdout.write(`${JSON.stringify(facts)}\n`);
  }

  protected override async catch(error: Error): Promise<never> {
    if (error instanceof Errors.ExitError) throw error;
    // It has been told, where it could be.
    if (error === this.#output?.error) return this.exit(1);
    const failure = toFailure(error, (this.id ?? '').replaceAll(':', ' '));
    if (process.env['DEBUG']) process.stderr.write(`${error.stack}\n`);
    if (this.jsonEnabled()) this.logJson(presentFailure(failure));
    // A command without flags of its own has none at all, whatever the type says.
    else printFailure(failure, Object.keys({ ...this.ctor.flags }), process.stderr);
    return this.exit(failure.exitCode);
  }

  get #isLongRunning(): boolean {
    return 'longRunning' in this.ctor && this.ctor.longRunning === true;
  }

  /** A short command says what it did itself; only trouble is worth a log line beside that. */
  #createLog({ log }: Config): Logger {
    const { level, file, maxFiles, maxAgeMs } = log;
    const rotation = { maxBytes: log.maxSizeBytes, maxFiles, maxAgeMs };
    if (this.#isLongRunning) return createLogger({ level, file, rotation });
    return createLogger({ level: 'log-level' in this.flags ? log.level : 'warn' });
  }
}

/** Rejects so long after the signal; never resolves. */
function interruption(signal: AbortSignal, patienceMs: number): Promise<never> {
  return new Promise((_, reject) => {
    const giveUp = () => reject(new Interrupted());
    const onAbort = () => {
      if (patienceMs === 0) giveUp();
      else setTimeout(giveUp, patienceMs).unref();
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
