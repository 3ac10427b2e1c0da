import { writeFile } from 'node:fs/promises';
import { Args, Flags } from '@oclif/core';
import { openRenderer } from '../../src/app/open-mail.ts';
import { BaseCommand } from '../../src/cli/base-command.ts';
import { unwritable } from '../../src/cli/output-file.ts';
import { settingFlags } from '../../src/cli/setting-flags.ts';
import { isSecurityNotice } from '../../src/services/mail/kinds.ts';
import { createTextRenderer, type RenderedMail } from '../../src/services/mail/render.ts';
import { MAIL_KINDS } from '../../src/services/mail/templates/index.ts';
import { SAMPLES } from '../../src/services/mail/templates/samples.ts';

export default class MailPreview extends BaseCommand<typeof MailPreview> {
  static override summary = 'Show a mail as users get it, with made-up data.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> verify_email',
    '<%= config.bin %> <%= command.id %> password_changed --html preview.html',
    '<%= config.bin %> <%= command.id %> welcome --product "Example Shop"',
  ];
  static override args = {
    kind: Args.string({ required: true, options: [...MAIL_KINDS], description: 'Which mail.' }),
  };
  static override flags = {
    html: Flags.string({ summary: 'Also write the HTML part to a file.', helpValue: '<file>' }),
    ...settingFlags(['product', 'public_url']),
  };

  async run(): Promise<RenderedMail & { text_message: string | null }> {
    // Checked against the same list by the parser.
    const kind = MAIL_KINDS.find((known) => known === this.args.kind)!;
    const mail = openRenderer(this.settings)(kind, SAMPLES[kind]);
    const { html } = this.flags;
    if (html !== undefined)
      await writeFile(html, mail.html).catch((cause: unknown) => {
        throw unwritable(html, 'The HTML part', cause);
      });
    this.log(`Subject: ${mail.subject}\n\n${mail.text}`);
    const text = isSecurityNotice(kind)
      ? createTextRenderer(this.settings)(kind, SAMPLES[kind])
      : null;
    if (text !== null) this.log(`As a text message (${text.length} characters):\n\n${text}`);
    return { ...mail, text_message: text };
  }
}
