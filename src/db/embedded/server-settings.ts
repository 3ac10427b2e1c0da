/**
 * How the embedded server differs from PostgreSQL's defaults.
 *
 * The settings are given on the command line, where they win over postgresql.conf and ALTER SYSTEM:
 * durability cannot be edited away, and a new release of ours changes them without touching files.
 * What is not named here is PostgreSQL's default or whatever an operator writes in postgresql.conf.
 * @param tuning `name=value` of settings that are the operator's, in place of ours
 */
export function serverSettings(socketFolder: string, tuning: readonly string[]): string[] {
  const settings: Record<string, string> = {
    // Reached only through a socket that only its owner can open: nothing listens on the network.
    listen_addresses: '',
    unix_socket_directories: socketFolder,
    unix_socket_permissions: '0700',
    port: String(SOCKET_PORT),

    // Commands get in while API and workers hold every other connection. Nobody is the superuser.
    reserved_connections: '5',
    superuser_reserved_connections: '0',

    // The defaults, nailed down: what was acknowledged survives a crash and a power loss.
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',

    // Memory while idle. The working set is small, and the kernel caches files anyway. Three
    // input/output workers and the replication launcher are processes that nothing here needs.
    shared_buffers: '64MB',
    io_method: 'sync',
    max_logical_replication_workers: '0',

    // The log must not hold personal data: DETAIL lines quote whole rows ("Key (email)=(…) already
    // exists"), and statements may carry literals.
    log_error_verbosity: 'terse',
    log_min_error_statement: 'panic',

    // The same everywhere, whatever the machine says.
    timezone: 'UTC',
    log_timezone: 'UTC',
    // What `ps` shows.
    cluster_name: 'authctl',
  };
  const ours = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  // Of two with one name PostgreSQL takes the later.
  return [...ours, ...tuning].flatMap((setting) => ['-c', setting]);
}

/** No port is opened: PostgreSQL names its socket file after it. */
export const SOCKET_PORT = 5432;
