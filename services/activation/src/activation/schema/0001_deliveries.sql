-- Where each delivery stands: the fold of its stream, kept for questions and for starting again.
CREATE TABLE deliveries (
    delivery_id uuid     PRIMARY KEY,
    tenant      text     NOT NULL,
    partition   smallint NOT NULL,
    profile_id  uuid     NOT NULL,
    decision_id uuid     NOT NULL,
    channel     text     NOT NULL,
    connector   text     NOT NULL,
    action      text     NOT NULL,
    status      text     NOT NULL,
    reason      text     NOT NULL,
    open        boolean  NOT NULL,
    planned_at  bigint   NOT NULL,
    due         bigint   NOT NULL,
    expires_at  bigint   NOT NULL,
    attempt     integer  NOT NULL,
    -- Wall clock (µs): until when the running attempt may be begun, or answered. Never hashed.
    not_after   bigint   NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX deliveries_open ON deliveries (partition) WHERE open;
CREATE INDEX deliveries_of_profile ON deliveries (tenant, profile_id);

-- What only the channel knows: its own id of the message, and when by its clock. Never hashed.
CREATE TABLE receipts (
    delivery_id       uuid        NOT NULL,
    status            text        NOT NULL,
    provider_id       text        NOT NULL,
    occurred          timestamptz,
    resolved_by_query boolean     NOT NULL,
    PRIMARY KEY (delivery_id, status)
);

CREATE TABLE consents (
    profile_id uuid    NOT NULL,
    event_id   uuid    NOT NULL,
    as_of      bigint  NOT NULL,
    channel    text    NOT NULL,
    class      text    NOT NULL,
    granted    boolean NOT NULL,
    PRIMARY KEY (profile_id, event_id)
);

-- A merge is told in both profiles' partitions; who wants to write to the survivor waits for the loser's side.
CREATE TABLE merges (
    loser         uuid    NOT NULL,
    survivor      uuid    NOT NULL,
    as_of         bigint  NOT NULL,
    loser_told    boolean NOT NULL,
    survivor_told boolean NOT NULL,
    PRIMARY KEY (loser, survivor)
);
CREATE INDEX merges_by_survivor ON merges (survivor);

-- Whether a partition runs live or in the steps of a time-lapse: what its last marker said.
CREATE TABLE modes (
    partition smallint PRIMARY KEY,
    step      bigint NOT NULL,
    mode      text   NOT NULL
);
