-- They are no mails: whoever does not know text messages would send them to mailboxes.
DELETE FROM mails WHERE channel = 'sms';

DROP INDEX mails_queue;
CREATE INDEX mails_queue ON mails (next_attempt_at) WHERE status = 'queued';
ALTER TABLE mails DROP CONSTRAINT mails_channel;
ALTER TABLE mails DROP COLUMN channel;
