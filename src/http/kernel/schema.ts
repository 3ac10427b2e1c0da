import { Type } from './typebox.ts';

type Properties = Type.TProperties;
type Name<P extends Properties> = Extract<keyof P, string>;

/** An object that refuses unknown fields: the only kind a request may declare. */
export function strictObject<const P extends Properties>(
  properties: P,
  options: Type.TObjectOptions = {},
): Type.TObject<P> {
  return Type.Object(properties, { ...options, additionalProperties: false });
}

/** The body of an answer, by the name it has in the OpenAPI document. */
export function answer<const P extends Properties>(name: string, properties: P): Type.TObject<P> {
  return strictObject(properties, { $id: name });
}

export function nullable<T extends Type.TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

/** A strict object of which exactly one of the named optional fields must be sent. */
export function withExactlyOne<P extends Properties>(
  object: Type.TObject<P>,
  ...names: readonly Name<P>[]
): Type.TObject<P> {
  return strictObject(object.properties, {
    ...optionsOf(object),
    oneOf: names.map((name) => ({ required: [name] })),
  });
}

/** A strict object in which the two named optional fields exclude each other. */
export function withAtMostOne<P extends Properties>(
  object: Type.TObject<P>,
  first: Name<P>,
  second: Name<P>,
): Type.TObject<P> {
  return strictObject(object.properties, {
    ...optionsOf(object),
    not: { required: [first, second] },
  });
}

function optionsOf(object: Type.TObject): Type.TObjectOptions {
  const { type: _type, properties: _properties, required: _required, ...options } = object;
  return options;
}
