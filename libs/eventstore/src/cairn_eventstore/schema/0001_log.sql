-- The log of a service. Column names follow the eventsourcing library's recorders.
CREATE TABLE events (
    partition          smallint NOT NULL,
    position           bigint   NOT NULL,
    originator_id      uuid     NOT NULL,
    originator_version bigint   NOT NULL,
    topic              text     NOT NULL,
    state              bytea    NOT NULL
);
CREATE UNIQUE INDEX one_event_per_position ON events (partition, position);
CREATE UNIQUE INDEX one_event_per_version ON events (originator_id, originator_version);

-- Gapless positions: the counter moves in the statement that inserts.
CREATE TABLE heads (
    partition smallint PRIMARY KEY,
    position  bigint NOT NULL DEFAULT 0,
    as_of     bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO heads (partition) SELECT generate_series(0, 31);

-- How far each upstream partition has been read, and under which owner's epoch.
CREATE TABLE inbox (
    log       text     NOT NULL,
    partition smallint NOT NULL,
    position  bigint   NOT NULL DEFAULT 0,
    epoch     bigint   NOT NULL DEFAULT 0,
    PRIMARY KEY (log, partition)
) WITH (fillfactor = 10);

CREATE TABLE timers (
    stream    uuid     NOT NULL,
    timer_id  text     NOT NULL,
    partition smallint NOT NULL,
    due       bigint   NOT NULL,
    PRIMARY KEY (stream, timer_id)
);
CREATE INDEX timers_by_due ON timers (partition, due, timer_id);

-- Who works on which partition, by the database's clock. Leases only avoid wasted work.
CREATE TABLE leases (
    partition smallint PRIMARY KEY,
    owner     text NOT NULL DEFAULT '',
    until     timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 10);
INSERT INTO leases (partition) SELECT generate_series(0, 31);
CREATE TABLE members (
    owner text PRIMARY KEY,
    until timestamptz NOT NULL
);

-- Streams whose input waits because the domain failed on one of its events.
CREATE TABLE parked (
    stream    uuid PRIMARY KEY,
    tenant    text NOT NULL,
    partition smallint NOT NULL,
    reason    text NOT NULL,
    event_id  uuid NOT NULL,
    redrive   boolean NOT NULL DEFAULT false
);
CREATE TABLE deferred (
    stream    uuid     NOT NULL,
    position  bigint   NOT NULL,
    partition smallint NOT NULL,
    state     bytea    NOT NULL,
    PRIMARY KEY (stream, position)
);

-- Programmes that were ever in force, newest last.
CREATE TABLE definitions (
    tenant    text   NOT NULL,
    ordinal   bigint NOT NULL,
    version   text   NOT NULL,
    bundle    bytea  NOT NULL,
    activated timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, ordinal)
);
CREATE TABLE definition_requests (
    tenant     text NOT NULL,
    request_id text NOT NULL,
    version    text NOT NULL,
    PRIMARY KEY (tenant, request_id)
);

-- The name and columns under which the eventsourcing library's own recorders look for events.
CREATE VIEW stored_events AS SELECT originator_id, originator_version, topic, state FROM events;
