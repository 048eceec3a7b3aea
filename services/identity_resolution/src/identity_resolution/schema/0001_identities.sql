-- The evidence is the `resolved` log itself: it holds every event with its identifiers, append-only. These tables are
-- what follows from the set of that evidence, kept so that no event ever needs more than the clusters it touches.

-- Identifiers. own_id is the id of the profile that begins with the identifier: a hash of tenant, namespace and token.
CREATE TABLE nodes (
    own_id      uuid    PRIMARY KEY,
    profile_id  uuid    NOT NULL,
    root        uuid    NOT NULL, -- the cluster: what must be read together
    tenant      text    NOT NULL,
    namespace   text    NOT NULL,
    token       text    NOT NULL,
    first_time  bigint  NOT NULL,
    had_profile boolean NOT NULL  -- own_id was given out; if it is not profile_id, it is an alias of that
) WITH (fillfactor = 80);
CREATE INDEX nodes_by_root ON nodes (root);

-- Two identifiers that events showed together, the stronger on the left.
CREATE TABLE links (
    left_id        uuid    NOT NULL,
    right_id       uuid    NOT NULL,
    support        bigint  NOT NULL,
    first_time     bigint  NOT NULL,
    first_event_id uuid    NOT NULL,
    refusal        text    NOT NULL,
    left_ranked    boolean NOT NULL,
    right_ranked   boolean NOT NULL,
    PRIMARY KEY (left_id, right_id)
) WITH (fillfactor = 60);
CREATE INDEX links_by_right ON links (right_id) WHERE right_ranked;

-- Identifiers that name nobody in particular. Operators add rows; the service adds those that held a crowd together.
CREATE TABLE blocked (
    tenant    text NOT NULL,
    namespace text NOT NULL,
    token     text NOT NULL,
    reason    text NOT NULL,
    since     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, namespace, token)
);

-- Events of the open step of a time-lapse, until the step is whole and can be put in order.
CREATE TABLE step_events (
    event_time bigint NOT NULL,
    event_id   uuid   NOT NULL,
    body       bytea  NOT NULL,
    PRIMARY KEY (event_time, event_id)
);
