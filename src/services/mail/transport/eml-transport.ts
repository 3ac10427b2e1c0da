import { join } from 'node:path';
import { ensurePrivateFolder, writePrivateFile } from '../../../lib/private-files.ts';
import { buildMessage, type Sender } from './compose.ts';
import { emlName } from './eml-files.ts';
import type { OutgoingMail, Transport } from './transport.ts';

/**
 * Writes mails to files instead of sending them, for development: complete messages (RFC 5322) that
 * any mail program opens. The folder and the files are private, for they hold codes.
 */
export function createEmlTransport({ dir, from }: { dir: string; from: Sender }): Transport {
  return {
    async send(mail: OutgoingMail): Promise<void> {
      const message = await buildMessage(mail, from);
      await ensurePrivateFolder(dir);
      await writePrivateFile(join(dir, emlName(mail)), message);
    },
    close: () => undefined,
  };
}
