-- What concerns many profiles at once, and how far each partition has gone through them.
CREATE TABLE walks (
    partition smallint NOT NULL,
    ordinal   bigint   NOT NULL, -- of the command that began it; the same in all partitions
    tenant    text     NOT NULL,
    event     bytea    NOT NULL, -- the control event, canonical JSON
    in_flight text[]   NOT NULL, -- who is concerned: those in these journeys; empty: everyone
    as_of     bigint,            -- when it happens; set when its turn comes
    after     bigint,            -- upstream position that its partition takes first
    cursor    uuid     NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000', -- the last profile visited
    visited   bigint   NOT NULL DEFAULT 0,
    changed   bigint   NOT NULL DEFAULT 0, -- profiles for which something followed
    done      boolean  NOT NULL DEFAULT false,
    PRIMARY KEY (partition, ordinal)
) WITH (fillfactor = 50);
CREATE INDEX walks_pending ON walks (partition, ordinal) WHERE NOT done;

-- Input of a parked profile waits in the order of its partition: events by position, a walk after the event before it.
ALTER TABLE deferred ADD COLUMN walk bigint NOT NULL DEFAULT 0;
ALTER TABLE deferred DROP CONSTRAINT deferred_pkey, ADD PRIMARY KEY (stream, position, walk);
