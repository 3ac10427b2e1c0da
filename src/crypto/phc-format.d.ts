/** The package ships no types. Both functions throw a TypeError on what they do not understand. */
declare module '@phc/format' {
  interface PhcFields {
    id: string;
    version?: number;
    /** `serialize` turns numbers into texts in place. */
    params?: Record<string, number | string>;
    salt?: Buffer;
    hash?: Buffer;
  }
  const format: {
    serialize(fields: PhcFields): string;
    deserialize(text: string): PhcFields;
  };
  export default format;
}
