-- What was told of whom a person belongs to, by the identifier whose event told it: nodes.own_id, or the id of a profile
-- without identifiers. Of what says the same on one day (UTC) the first and the last time count.
CREATE TABLE relations (
    tenant   text   NOT NULL,
    own_id   uuid   NOT NULL,
    told_id  uuid   NOT NULL,
    day      bigint NOT NULL,
    body     text   NOT NULL, -- what is told, as JSON
    first_at bigint NOT NULL,
    first_id uuid   NOT NULL,
    last_at  bigint NOT NULL,
    last_id  uuid   NOT NULL,
    PRIMARY KEY (own_id, told_id, day)
) WITH (fillfactor = 80);

-- Identifiers that were ever told to belong to a subject.
CREATE TABLE subject_members (
    subject_id uuid NOT NULL,
    own_id     uuid NOT NULL,
    PRIMARY KEY (subject_id, own_id)
);
