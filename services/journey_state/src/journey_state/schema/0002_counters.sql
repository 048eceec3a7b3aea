-- Open instances: who is where, for lists, walks and plans.
CREATE TABLE instances (
    tenant        text     NOT NULL,
    instance_id   uuid     NOT NULL,
    profile_id    uuid     NOT NULL,
    partition     smallint NOT NULL,
    journey       text     NOT NULL,
    key           text     NOT NULL, -- empty in a journey without a key
    version       text     NOT NULL, -- of the programme it runs under
    stage         text     NOT NULL, -- empty if none was detected yet
    entered       bigint   NOT NULL, -- µs
    stage_entered bigint,
    held          bigint,            -- since when it is paused
    waits         text[]   NOT NULL, -- `intervention/step` of what waits, sorted
    PRIMARY KEY (tenant, instance_id)
) WITH (fillfactor = 80);
CREATE INDEX instances_by_journey ON instances (tenant, journey, stage, instance_id);
CREATE INDEX instances_by_profile ON instances (tenant, partition, profile_id, journey);
CREATE INDEX customers_by_partition ON customers (tenant, partition, profile_id);

-- Sums over customers, kept by difference in the transaction of each batch; a partition has its own, so that batches
-- of different partitions never wait for each other.
CREATE TABLE counters (
    tenant    text     NOT NULL,
    partition smallint NOT NULL,
    journey   text     NOT NULL, -- empty: over all journeys
    name      text     NOT NULL, -- customers, entered, in_flight, goal, exited, attributed, value:EUR,
                                 -- stage:S, entries:S, moves:S>T, dwell:S (µs), friction:F, health:BAND (not well)
    value     numeric  NOT NULL,
    PRIMARY KEY (tenant, partition, journey, name)
) WITH (fillfactor = 50);

-- What is paused or stopped now, and what commands were answered.
CREATE TABLE controls (
    tenant  text   NOT NULL,
    journey text   NOT NULL,
    mode    text   NOT NULL, -- paused, drain or now
    ordinal bigint NOT NULL, -- of its walk
    since   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, journey)
);
CREATE TABLE control_requests (
    tenant     text   NOT NULL,
    request_id text   NOT NULL,
    request    bytea  NOT NULL, -- hash of what was asked
    ordinal    bigint NOT NULL,
    PRIMARY KEY (tenant, request_id)
);

DROP TABLE standings;
