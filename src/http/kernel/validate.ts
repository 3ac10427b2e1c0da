import { AppError, type FieldError } from '../../errors.ts';
import { escapePointer } from './pointer.ts';
import { Compile, type TSchema } from './typebox.ts';

/**
 * Throws `validation_failed` with a pointer, a code and a sentence for each field at fault.
 * @param findMore asked where the schema refuses: what else is wrong that it cannot know
 */
export type Validate = (value: unknown, findMore?: () => readonly FieldError[]) => void;

type SchemaError = ReturnType<ReturnType<typeof Compile>['Errors']>[number];

/** A hostile body can have thousands of wrong fields; an answer names the first few. */
const MAX_FIELDS = 16;

/**
 * Compiles a schema to a check. A good value costs one call of generated code; what is wrong with a
 * bad one is only found out afterwards.
 *
 * The sentences say what is expected and never repeat the value, which may be a password.
 *
 * @param prefix stands before each pointer: `/query` for the query string
 */
export function createValidate(schema: TSchema, prefix = ''): Validate {
  const validator = Compile(schema);
  return (value, findMore = () => []) => {
    if (validator.Check(value)) return;
    const found = toFieldErrors(value, validator.Errors(value), schema, prefix);
    const fields = [...findMore(), ...found];
    throw new AppError('validation_failed', { fields: fields.slice(0, MAX_FIELDS) });
  };
}

/** @returns whether a value fits the schema, for callers that answer otherwise than with 422 */
export function createCheck(schema: TSchema): (value: unknown) => boolean {
  const validator = Compile(schema);
  return (value) => validator.Check(value);
}

function toFieldErrors(
  value: unknown,
  errors: readonly SchemaError[],
  schema: TSchema,
  prefix: string,
): readonly FieldError[] {
  const fields = new Map<string, FieldError>();
  for (const error of errors) {
    // A failed alternative is told by its parent, which knows what the alternatives are.
    if (/\/(?:anyOf|oneOf|not)\//.test(error.schemaPath)) continue;
    for (const field of describe(error, errors, schema)) {
      const pointer = prefix + field.pointer;
      // The first problem of a field is enough: an empty address is short before it is malformed.
      if (!fields.has(pointer)) fields.set(pointer, { ...field, pointer });
    }
    if (fields.size >= MAX_FIELDS) break;
  }
  for (const field of findUnknown(value, schema, prefix)) {
    if (!fields.has(field.pointer)) fields.set(field.pointer, field);
  }
  return [...fields.values()];
}

function describe(
  error: SchemaError,
  all: readonly SchemaError[],
  schema: TSchema,
): readonly FieldError[] {
  const pointer = error.instancePath;
  switch (error.keyword) {
    case 'required':
      return error.params.requiredProperties
        .filter((name) => isMissing(name, error, all))
        .map((name) => ({
          pointer: `${pointer}/${escapePointer(name)}`,
          code: 'required',
          detail: 'Is required.',
        }));
    case 'additionalProperties':
      return error.params.additionalProperties
        .slice(0, MAX_FIELDS)
        .map((name) => unknownField(pointer, name));
    case 'boolean':
      return []; // Said again by additionalProperties.
    case 'anyOf':
      return [{ pointer, ...alternativeProblem(error, all) }];
    case 'oneOf':
    case 'not':
      return [{ pointer, ...combinationProblem(error.keyword, schema) }];
    default:
      return [{ pointer, ...problem(error) }];
  }
}

/** The fields that no schema knows: TypeBox stops before it names them where they are many. */
function findUnknown(value: unknown, schema: TSchema, prefix: string): readonly FieldError[] {
  const known: unknown = Reflect.get(schema, 'properties');
  if (typeof value !== 'object' || value === null || typeof known !== 'object' || known === null)
    return [];
  return Object.keys(value)
    .filter((name) => !Object.hasOwn(known, name))
    .slice(0, MAX_FIELDS)
    .map((name) => unknownField(prefix, name));
}

function unknownField(parent: string, name: string): FieldError {
  return {
    pointer: `${parent}/${escapePointer(name)}`,
    code: 'unknown_field',
    detail: 'Is not a field of this request.',
  };
}

function isMissing(name: string, error: SchemaError, all: readonly SchemaError[]): boolean {
  const pointer = `${error.instancePath}/${escapePointer(name)}`;
  return !all.some((other) => other !== error && other.instancePath === pointer);
}

type Problem = Omit<FieldError, 'pointer'>;

const WRONG_TYPE = { code: 'wrong_type', detail: 'Is not of the right type.' };
const NOT_ALLOWED = { code: 'not_allowed', detail: 'Is not one of the allowed values.' };

function problem(error: SchemaError): Problem {
  switch (error.keyword) {
    case 'type':
      return {
        code: 'wrong_type',
        detail: `Must be of type ${[error.params.type].flat().join(' or ')}.`,
      };
    case 'minLength':
      return { code: 'too_short', detail: `Must have at least ${error.params.limit} characters.` };
    case 'maxLength':
      return { code: 'too_long', detail: `Must have at most ${error.params.limit} characters.` };
    case 'pattern':
      return { code: 'bad_format', detail: 'Does not have the right format.' };
    case 'format':
      return { code: 'bad_format', detail: `Must be a valid ${error.params.format}.` };
    case 'const':
    case 'enum':
      return NOT_ALLOWED;
    case 'minimum':
      return { code: 'too_small', detail: `Must be at least ${error.params.limit}.` };
    case 'maximum':
      return { code: 'too_large', detail: `Must be at most ${error.params.limit}.` };
    case 'minItems':
      return { code: 'too_few', detail: `Must have at least ${error.params.limit} items.` };
    case 'maxItems':
      return { code: 'too_many', detail: `Must have at most ${error.params.limit} items.` };
    default:
      return NOT_ALLOWED;
  }
}

/** Where an alternative of the right type exists, what is wrong with it says more than the type. */
function alternativeProblem(union: SchemaError, all: readonly SchemaError[]): Problem {
  const branches = all.filter(
    (error) =>
      error.schemaPath.startsWith(`${union.schemaPath}/anyOf/`) &&
      error.instancePath === union.instancePath,
  );
  const telling = branches.find((error) => error.keyword !== 'type');
  return telling ? problem(telling) : WRONG_TYPE;
}

function combinationProblem(keyword: 'oneOf' | 'not', schema: TSchema): Problem {
  const names = combinedFields(keyword, schema).join(', ');
  return keyword === 'oneOf'
    ? { code: 'exactly_one', detail: `Send exactly one of: ${names}.` }
    : { code: 'at_most_one', detail: `Send at most one of: ${names}.` };
}

/** The field names in what `withExactlyOne` and `withAtMostOne` wrote into the schema. */
function combinedFields(keyword: 'oneOf' | 'not', schema: TSchema): readonly string[] {
  const rule: unknown = Reflect.get(schema, keyword);
  return [rule].flat().flatMap((part) => {
    const required: unknown = part ? Reflect.get(Object(part), 'required') : [];
    return Array.isArray(required) ? required.map(String) : [];
  });
}
