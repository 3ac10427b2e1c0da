import type { SETTINGS, SettingName } from './schema.ts';
import type { Setting } from './setting.ts';

type Table = typeof SETTINGS;

type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

/** `backlog_max_age`, a duration, becomes `backlogMaxAgeMs`; `max_size`, a size, `maxSizeBytes`. */
type Field<Word extends string, Name extends SettingName> =
  Table[Name] extends Setting<infer _, 'duration'>
    ? `${CamelCase<Word>}Ms`
    : Table[Name] extends Setting<infer _, 'size'>
      ? `${CamelCase<Word>}Bytes`
      : CamelCase<Word>;

type Value<Name extends SettingName> = Table[Name] extends Setting<infer V> ? V : never;

type SectionOf<Name> = Name extends `${infer Section}.${string}` ? Section : never;

type TopLevel = {
  readonly [N in SettingName as N extends `${string}.${string}` ? never : Field<N, N>]: Value<N>;
};

type Section<S extends string> = {
  readonly [N in SettingName as N extends `${S}.${infer Word}` ? Field<Word, N> : never]: Value<N>;
};

/**
 * All settings, frozen. The path is the setting's name in camel case: `hash.memory_kib` is
 * `config.hash.memoryKib`; durations are milliseconds and say so: `config.access.ttlMs`. Services
 * are handed one section, `Config['hash']`, never the whole.
 */
export type Config = TopLevel & { readonly [S in SectionOf<SettingName>]: Section<S> };
