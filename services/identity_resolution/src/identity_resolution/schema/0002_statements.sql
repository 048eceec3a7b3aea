-- What people say about identifiers. The service adds a block of its own where something holds a crowd together.
CREATE TABLE statements (
    tenant text   NOT NULL,
    id     uuid   NOT NULL,
    body   text   NOT NULL, -- the statement as JSON
    since  bigint NOT NULL, -- as_of from which it holds
    until  bigint,          -- as_of at which it was withdrawn or expired
    PRIMARY KEY (tenant, id)
);
CREATE INDEX statements_in_force ON statements (tenant) WHERE until IS NULL;

INSERT INTO statements (tenant, id, body, since)
SELECT tenant, md5(tenant || namespace || ':' || token)::uuid,
       json_build_object('id', md5(tenant || namespace || ':' || token)::uuid, 'kind', 'block',
                         'left', json_build_array(json_build_array(namespace, token)),
                         'author', 'identity_resolution', 'reason', reason,
                         'at', (extract(epoch FROM blocked.since) * 1000000)::bigint)::text,
       (extract(epoch FROM blocked.since) * 1000000)::bigint
FROM blocked;
DROP TABLE blocked;

-- What was asked for and is not done yet, or was done, with the answer. The owner takes them in order.
CREATE TABLE commands (
    ordinal    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant     text   NOT NULL,
    request_id text   NOT NULL,
    body       text   NOT NULL,
    at         bigint NOT NULL,
    answer     text,
    UNIQUE (tenant, request_id)
);
CREATE INDEX commands_pending ON commands (ordinal) WHERE answer IS NULL;

-- Identifiers that the evidence shows to be shared by a crowd. It never shows the contrary.
CREATE TABLE generic (
    tenant    text NOT NULL,
    namespace text NOT NULL,
    token     text NOT NULL,
    PRIMARY KEY (tenant, namespace, token)
);

-- The evidence that made a difference: each event that was the earliest so far to show an identifier (left = right), or
-- two together. Nothing here is ever changed, so the graph of any instant, as known at any instant, follows from it.
CREATE TABLE evidence (
    left_id    uuid   NOT NULL,
    right_id   uuid   NOT NULL,
    event_time bigint NOT NULL,
    event_id   uuid   NOT NULL,
    as_of      bigint NOT NULL,
    PRIMARY KEY (left_id, right_id, event_time, event_id)
);
CREATE INDEX evidence_by_right ON evidence (right_id);

-- Which profile an identifier came to, and when.
CREATE TABLE memberships (
    own_id     uuid   NOT NULL,
    profile_id uuid   NOT NULL,
    as_of      bigint NOT NULL,
    ordinal    bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (own_id, ordinal)
);
CREATE INDEX memberships_by_profile ON memberships (profile_id);

-- Links that matching suggests: -1 for what events showed, else the weight in bits.
ALTER TABLE links ADD COLUMN weight double precision NOT NULL DEFAULT -1;
