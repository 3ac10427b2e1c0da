import { PrismaPg } from '@prisma/adapter-pg';
import {
  ColumnTypeEnum,
  type SqlMigrationAwareDriverAdapterFactory,
  type SqlQuery,
} from '@prisma/driver-adapter-utils';
import { Pool, type QueryResult } from 'pg';

/** PostgreSQL's one-byte "char", which the catalogue is full of and the stock adapter does not know. */
const CHAR_OID = 18;
const TEXT_OID = 25;

/**
 * Prisma's adapter, able to read a live schema: a `"char"` passes the adapter as text, and is
 * declared to the engine as the character it is.
 */
export function introspectingAdapter(
  connectionString: string,
): SqlMigrationAwareDriverAdapterFactory {
  let characters = new Set<string>();

  class CharAsText extends Pool {
    // The adapter calls it in this one form of its many.
    override async query(config: never): Promise<never> {
      const result: QueryResult = await super.query(config);
      const chars = result.fields.filter((field) => field.dataTypeID === CHAR_OID);
      characters = new Set(chars.map((field) => field.name));
      for (const field of chars) field.dataTypeID = TEXT_OID;
      return result as never;
    }
  }

  const factory = new PrismaPg(new CharAsText({ connectionString, max: 1 }), {
    disposeExternalPool: true,
  });
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connectToShadowDb: () => factory.connectToShadowDb(),
    async connect() {
      const adapter = await factory.connect();
      const queryRaw = adapter.queryRaw.bind(adapter);
      return Object.assign(adapter, {
        async queryRaw(query: SqlQuery) {
          const result = await queryRaw(query);
          const columnTypes = result.columnNames.map((name, index) =>
            characters.has(name) ? ColumnTypeEnum.Character : result.columnTypes[index]!,
          );
          return { ...result, columnTypes };
        },
      });
    },
  };
}
