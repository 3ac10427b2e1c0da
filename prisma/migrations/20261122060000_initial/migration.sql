-- The first schema. Written by Prisma's engine from schema.prisma, then completed by hand with what
-- that file cannot express; prisma/catalogue.json holds the result.
--
--   COLLATE "C"  identifiers are stored canonical and looked up by equality: bytes are compared,
--                whatever the database's locale, and an upgrade of that locale breaks no index.
--   CHECK        the invariants that the safety of the credentials rests on.
--   UNLOGGED     what may be lost in a crash of the database: it writes no WAL.
--   fillfactor   room on the page, so that an update of columns outside the indexes stays on it
--                (HOT) and touches no index.

CREATE TABLE instance (
    id              smallint       NOT NULL DEFAULT 1,
    instance_id     uuid           NOT NULL,
    master_kid      text           NOT NULL,
    key_check_value bytea          NOT NULL,
    revision        integer        NOT NULL DEFAULT 1,
    created_at      timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT instance_pkey PRIMARY KEY (id),
    -- One database, one installation.
    CONSTRAINT instance_single CHECK (id = 1)
);

CREATE TABLE keys (
    kid          text COLLATE "C" NOT NULL,
    kind         text             NOT NULL,
    status       text             NOT NULL,
    sealed       bytea            NOT NULL,
    master_kid   text             NOT NULL,
    public_key   bytea,
    created_at   timestamptz(3)   NOT NULL DEFAULT CURRENT_TIMESTAMP,
    activated_at timestamptz(3),
    not_after    timestamptz(3),
    retired_at   timestamptz(3),

    CONSTRAINT keys_pkey PRIMARY KEY (kid),
    CONSTRAINT keys_kind CHECK (kind IN ('signing', 'pepper', 'refresh', 'data', 'code')),
    CONSTRAINT keys_status CHECK (status IN ('next', 'active', 'retiring', 'retired'))
);

CREATE INDEX keys_kind_status_idx ON keys (kind, status);
-- Two rotations at once: one wins, the other fails here.
CREATE UNIQUE INDEX keys_one_active ON keys (kind) WHERE status = 'active';
CREATE UNIQUE INDEX keys_one_next ON keys (kind) WHERE status = 'next';

CREATE TABLE domains (
    name         text COLLATE "C" NOT NULL,
    status       text             NOT NULL DEFAULT 'pending',
    verification text             NOT NULL DEFAULT 'email_code',
    challenge    text             NOT NULL,
    verified_by  text,
    verified_at  timestamptz(3),
    created_at   timestamptz(3)   NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT domains_pkey PRIMARY KEY (name),
    CONSTRAINT domains_status CHECK (status IN ('pending', 'verified')),
    CONSTRAINT domains_verification CHECK (verification IN ('none', 'email_code'))
);

CREATE TABLE users (
    id                 uuid           NOT NULL,
    email              text COLLATE "C",
    username           text,
    username_key       text COLLATE "C",
    phone              text,
    status             text           NOT NULL DEFAULT 'pending',
    status_before      text,
    role               text           NOT NULL DEFAULT 'user',
    email_verified_at  timestamptz(3),
    version            integer        NOT NULL DEFAULT 1,
    security_version   integer        NOT NULL DEFAULT 1,
    created_at         timestamptz(3) NOT NULL,
    updated_at         timestamptz(3) NOT NULL,
    created_ip         text,
    created_agent      text,
    created_request_id text,

    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_status CHECK (status IN ('pending', 'active', 'locked', 'disabled')),
    CONSTRAINT users_status_before CHECK (
        status_before IS NULL
        OR (status_before IN ('pending', 'active') AND status IN ('locked', 'disabled'))
    ),
    -- Addresses are made canonical before they get here; this refuses one that was not. In "C",
    -- lower() folds ASCII alone, so it never disagrees with the application about other letters.
    CONSTRAINT users_email_canonical CHECK (email = lower(email))
);

CREATE UNIQUE INDEX users_email_key ON users (email);
-- Most accounts have none, and an index entry for nothing costs a registration as much as any other.
CREATE UNIQUE INDEX users_username_key_key ON users (username_key) WHERE username_key IS NOT NULL;
-- The sweep of accounts that never proved their mailbox.
CREATE INDEX users_unverified ON users (created_at) WHERE status = 'pending';

CREATE TABLE credentials (
    user_id       uuid           NOT NULL,
    version       integer        NOT NULL DEFAULT 1,
    pepper_kid    text,
    salt          bytea,
    pending       bytea,
    pending_since timestamptz(3),
    lease_until   timestamptz(3),
    attempts      smallint       NOT NULL DEFAULT 0,
    parked_at     timestamptz(3),
    parked_reason text,
    phc           text,
    updated_at    timestamptz(3) NOT NULL,

    CONSTRAINT credentials_pkey PRIMARY KEY (user_id),
    CONSTRAINT credentials_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
        ON DELETE CASCADE ON UPDATE CASCADE,
    -- Hardening replaces the keyed prehash, never keeps it beside the final string.
    CONSTRAINT credentials_one_form CHECK (num_nonnulls(pending, phc) = 1),
    CONSTRAINT credentials_pending_complete CHECK (
        pending IS NULL OR num_nulls(pepper_kid, salt, pending_since) = 0
    ),
    CONSTRAINT credentials_pending_length CHECK (octet_length(pending) = 32),
    CONSTRAINT credentials_salt_length CHECK (octet_length(salt) = 16)
)
-- A pending row is leased, then hardened: two updates in its first minutes.
WITH (fillfactor = 90);

-- This is the hardening queue; there is no other copy of it.
CREATE INDEX credentials_queue ON credentials (pending_since)
    WHERE pending IS NOT NULL AND parked_at IS NULL;

CREATE TABLE password_history (
    id         uuid           NOT NULL,
    user_id    uuid           NOT NULL,
    pepper_kid text,
    salt       bytea,
    phc        text           NOT NULL,
    created_at timestamptz(3) NOT NULL,

    CONSTRAINT password_history_pkey PRIMARY KEY (id),
    CONSTRAINT password_history_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
        ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT password_history_salt_length CHECK (octet_length(salt) = 16)
);

CREATE INDEX password_history_user_id_created_at_idx ON password_history (user_id, created_at);

CREATE TABLE sessions (
    id                  uuid           NOT NULL,
    user_id             uuid           NOT NULL,
    counter             integer        NOT NULL DEFAULT 0,
    secret_digest       bytea          NOT NULL,
    amr                 text[]         NOT NULL DEFAULT ARRAY[]::text[],
    device_name         text,
    user_agent          text,
    ip                  text,
    created_at          timestamptz(3) NOT NULL,
    last_used_at        timestamptz(3) NOT NULL,
    rotated_at          timestamptz(3),
    expires_at          timestamptz(3) NOT NULL,
    refresh_window_at   timestamptz(3),
    refreshes_in_window smallint       NOT NULL DEFAULT 0,
    ended_at            timestamptz(3),
    end_reason          text,

    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
        ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT sessions_counter CHECK (counter >= 0),
    CONSTRAINT sessions_secret_digest_length CHECK (octet_length(secret_digest) = 32)
)
-- Every refresh updates its session.
WITH (fillfactor = 90);

CREATE INDEX sessions_user_id_idx ON sessions (user_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
CREATE INDEX sessions_live ON sessions (user_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;

-- No foreign key: its check takes time where a flow has a user and none where it is a decoy. A flow is
-- only ever used joined to its user, and goes with it or when it expires.
CREATE TABLE flows (
    token_digest     bytea          NOT NULL,
    purpose          text           NOT NULL,
    origin           text,
    user_id          uuid,
    security_version integer,
    address          text,
    code_digest      bytea,
    code_kid         text,
    tries            smallint       NOT NULL DEFAULT 0,
    sealed           bytea,
    amr              text[]         NOT NULL DEFAULT ARRAY[]::text[],
    device_name      text,
    created_at       timestamptz(3) NOT NULL,
    expires_at       timestamptz(3) NOT NULL,

    CONSTRAINT flows_pkey PRIMARY KEY (token_digest),
    CONSTRAINT flows_purpose CHECK (
        purpose IN ('verify', 'two_factor', 'forgot', 'reset', 'email_change', 'totp_setup')
    ),
    CONSTRAINT flows_token_digest_length CHECK (octet_length(token_digest) = 32),
    CONSTRAINT flows_tries CHECK (tries >= 0)
);

CREATE INDEX flows_user_id_idx ON flows (user_id);
CREATE INDEX flows_expires_at_idx ON flows (expires_at);
-- A new code for a forgotten password ends those mailed to the address before.
CREATE INDEX flows_forgot ON flows (address) WHERE purpose = 'forgot';

CREATE TABLE totps (
    user_id      uuid           NOT NULL,
    sealed       bytea          NOT NULL,
    data_kid     text           NOT NULL,
    last_step    bigint         NOT NULL DEFAULT 0,
    confirmed_at timestamptz(3) NOT NULL,

    CONSTRAINT totps_pkey PRIMARY KEY (user_id),
    CONSTRAINT totps_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
        ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE recovery_codes (
    user_id    uuid           NOT NULL,
    digest     bytea          NOT NULL,
    kid        text           NOT NULL,
    created_at timestamptz(3) NOT NULL,
    used_at    timestamptz(3),

    CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, digest),
    CONSTRAINT recovery_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
        ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE known_networks (
    user_id       uuid             NOT NULL,
    network       text COLLATE "C" NOT NULL,
    last_login_at timestamptz(3)   NOT NULL,

    CONSTRAINT known_networks_pkey PRIMARY KEY (user_id, network),
    CONSTRAINT known_networks_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
        ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE mails (
    id              uuid           NOT NULL,
    kind            text           NOT NULL,
    user_id         uuid,
    recipient       text           NOT NULL,
    sealed          bytea,
    data_kid        text,
    message_id      text           NOT NULL,
    status          text           NOT NULL DEFAULT 'queued',
    attempts        smallint       NOT NULL DEFAULT 0,
    next_attempt_at timestamptz(3) NOT NULL,
    lease_until     timestamptz(3),
    last_error      text,
    created_at      timestamptz(3) NOT NULL,
    sent_at         timestamptz(3),

    CONSTRAINT mails_pkey PRIMARY KEY (id),
    CONSTRAINT mails_status CHECK (status IN ('queued', 'sent', 'dead'))
);

CREATE INDEX mails_user_id_idx ON mails (user_id);
-- What to send next; sent mails leave it.
CREATE INDEX mails_queue ON mails (next_attempt_at) WHERE status = 'queued';
CREATE INDEX mails_done ON mails (created_at) WHERE status <> 'queued';

CREATE TABLE events (
    id              uuid           NOT NULL,
    sequence        bigserial      NOT NULL,
    type            text           NOT NULL,
    user_id         uuid,
    payload         jsonb          NOT NULL,
    created_at      timestamptz(3) NOT NULL,
    attempts        smallint       NOT NULL DEFAULT 0,
    next_attempt_at timestamptz(3),
    published_at    timestamptz(3),
    dead_at         timestamptz(3),
    last_error      text,
    confirmed_by    text[]         NOT NULL DEFAULT ARRAY[]::text[],

    CONSTRAINT events_pkey PRIMARY KEY (id)
);

-- The order of one user's events. Between users it says nothing: numbers are given out before commit.
CREATE UNIQUE INDEX events_sequence_key ON events (sequence);
-- What to publish next, and whether an earlier event of the same user is still waiting.
CREATE INDEX events_queue ON events (sequence) WHERE published_at IS NULL AND dead_at IS NULL;
CREATE INDEX events_queue_by_user ON events (user_id, sequence)
    WHERE published_at IS NULL AND dead_at IS NULL;
CREATE INDEX events_published ON events (published_at) WHERE published_at IS NOT NULL;
CREATE INDEX events_dead ON events (dead_at) WHERE dead_at IS NOT NULL;

CREATE TABLE audit (
    id         uuid           NOT NULL,
    at         timestamptz(3) NOT NULL,
    action     text           NOT NULL,
    result     text           NOT NULL DEFAULT 'ok',
    actor_kind text           NOT NULL,
    actor_id   text,
    user_id    uuid,
    ip         text,
    user_agent text,
    request_id text,
    detail     jsonb,

    CONSTRAINT audit_pkey PRIMARY KEY (id)
);

CREATE INDEX audit_user_id_at_idx ON audit (user_id, at);
CREATE INDEX audit_at_idx ON audit (at);

CREATE TABLE idempotency_keys (
    digest      bytea          NOT NULL,
    fingerprint bytea          NOT NULL,
    user_id     uuid           NOT NULL,
    sealed      bytea          NOT NULL,
    expires_at  timestamptz(3) NOT NULL,

    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (digest)
);

CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (expires_at);

CREATE TABLE operators (
    id           uuid           NOT NULL,
    name         text           NOT NULL,
    token_digest bytea          NOT NULL,
    scopes       text[]         NOT NULL DEFAULT ARRAY[]::text[],
    created_at   timestamptz(3) NOT NULL,
    expires_at   timestamptz(3) NOT NULL,
    last_used_at timestamptz(3),
    revoked_at   timestamptz(3),

    CONSTRAINT operators_pkey PRIMARY KEY (id),
    CONSTRAINT operators_token_digest_length CHECK (octet_length(token_digest) = 32)
);

CREATE UNIQUE INDEX operators_name_key ON operators (name);
CREATE UNIQUE INDEX operators_token_digest_key ON operators (token_digest);

CREATE UNLOGGED TABLE limit_counters (
    key            text COLLATE "C" NOT NULL,
    hits           integer          NOT NULL,
    strikes        integer          NOT NULL DEFAULT 0,
    window_ends_at timestamptz(3)   NOT NULL,
    blocked_until  timestamptz(3),
    expires_at     timestamptz(3)   NOT NULL,

    CONSTRAINT limit_counters_pkey PRIMARY KEY (key)
);

CREATE INDEX limit_counters_expires_at_idx ON limit_counters (expires_at);

CREATE UNLOGGED TABLE nodes (
    id           uuid           NOT NULL,
    kind         text           NOT NULL,
    host         text           NOT NULL,
    pid          integer        NOT NULL,
    version      text           NOT NULL,
    started_at   timestamptz(3) NOT NULL,
    seen_at      timestamptz(3) NOT NULL,
    hash_rate    real,
    hash_waiting integer        NOT NULL DEFAULT 0,

    CONSTRAINT nodes_pkey PRIMARY KEY (id)
);

CREATE INDEX nodes_seen_at_idx ON nodes (seen_at);
