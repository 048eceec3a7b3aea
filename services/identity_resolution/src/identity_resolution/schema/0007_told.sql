-- The events that tell traits or consent: the evidence of the two ledgers. Nothing here is ever changed. Whose an event is
-- follows from the graph, so merges and splits touch no row.
CREATE TABLE told (
    event_id   uuid   PRIMARY KEY,
    kind       text   NOT NULL, -- trait or consent
    own_ids    uuid[] NOT NULL, -- of all its identifiers; of an event without any the profile's
    event_time bigint NOT NULL,
    as_of      bigint NOT NULL,
    body       bytea  NOT NULL  -- the resolved event as it stands in the log, personal fields sealed
);
CREATE INDEX told_of ON told USING gin (own_ids);
