import { defineConfig } from 'prisma/config';

// Only `prisma generate|format|validate` read this; migrations run in process (src/db/migrate).
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
});
