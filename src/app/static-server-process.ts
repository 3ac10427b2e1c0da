import { startStaticServer } from './static-server.ts';

/** The static server in a process of its own: tells its parent the port, and ends with it. */
const { port } = await startStaticServer();
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('SIGINT', () => {});
process.send?.({ port });
