import type { TestAppliance } from '../../support/appliance.ts';

/** What stands in a field that has to be there: right in form, and nobody's. */
const USUAL: Readonly<Record<string, unknown>> = {
  email: 'nobody@example.com',
  new_email: 'somebody@example.com',
  password: 'not the password of anybody',
  current_password: 'not the password of anybody',
  new_password: 'seven green parrots at noon',
  flow_token: `ft_${'A'.repeat(43)}`,
  code: 'ABCD-2345',
  refresh_token: `rt_${'A'.repeat(100)}`,
  token: 'v4.public.nobodys',
  kind: 'signing',
  name: 'shop.example',
};

/** An operation that takes JSON. */
export interface Operation {
  readonly path: string;
  readonly method: string;
  /** A body that is right as far as its form goes: what it needs, and who is meant. */
  readonly usual: Readonly<Record<string, unknown>>;
  readonly fields: readonly string[];
}

interface Schema {
  readonly $ref?: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
}

interface Described {
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Schema }>>;
  };
}

/** Every operation of a listener that takes JSON, as it describes them itself. */
export async function operations({ call }: Pick<TestAppliance, 'call'>): Promise<Operation[]> {
  const { body: document } = await call('/openapi.json');
  const schemas: Record<string, Schema> = document.components.schemas;
  const paths: Record<string, Record<string, Described>> = document.paths;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { requestBody }]) => {
      const given = requestBody?.content['application/json']?.schema;
      if (!given) return [];
      const { properties, required = [] } = schemas[given.$ref?.split('/').at(-1) ?? ''] ?? given;
      const fields = Object.keys(properties);
      const needed = fields.filter((field) => required.includes(field) || field === 'email');
      const usual = Object.fromEntries(needed.map((field) => [field, USUAL[field]]));
      return [{ path, method: method.toUpperCase(), usual, fields }];
    }),
  );
}
