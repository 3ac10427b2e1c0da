-- Text messages share the queue of mails: claimed, sent, tried again and swept as they are.
ALTER TABLE mails ADD COLUMN channel text NOT NULL DEFAULT 'mail';
ALTER TABLE mails ADD CONSTRAINT mails_channel CHECK (channel IN ('mail', 'sms'));

-- What to send next on a channel: one that stands still must not be in the other's way.
DROP INDEX mails_queue;
CREATE INDEX mails_queue ON mails (channel, next_attempt_at) WHERE status = 'queued';
