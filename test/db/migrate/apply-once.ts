/** A process that migrates the database given and ends: one for a test to kill. */
import { openMigrator } from './migrator.ts';

const [connectionString = '', prismaDir = ''] = process.argv.slice(2);
await openMigrator(connectionString, prismaDir).apply();
