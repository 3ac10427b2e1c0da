/** A process that migrates the database given, and says what would keep it alive after that. */
import { setImmediate } from 'node:timers/promises';
import { openMigrator } from './migrator.ts';

const [connectionString = '', prismaDir = ''] = process.argv.slice(2);
await openMigrator(connectionString, prismaDir).apply();
await setImmediate();
process.stdout.write(JSON.stringify(process.getActiveResourcesInfo()));
