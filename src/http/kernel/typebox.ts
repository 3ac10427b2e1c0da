import { Settings } from 'typebox/system';

/**
 * The one door to TypeBox. Its 700 small files took a third of the start-up to find and read; the
 * build makes one file of this module and everything behind it.
 */
export { type Static, type TObject, type TSchema, Type } from 'typebox';
export { Compile } from 'typebox/compile';

// The usual eight would leave out what an answer can name. Each one is work for whoever sent nonsense,
// so there is a bound.
Settings.Set({ maxErrors: 64 });
