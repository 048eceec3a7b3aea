-- Probabilistic matching. What must be compared later is kept sealed under the customer's own key, so that it goes with
-- that key; the blocking keys by which it is found are keyed hashes, so that the index holds no value at all.

-- What identifying events told: normalised values, each content of an identifier once.
CREATE TABLE records (
    id         bigint PRIMARY KEY, -- keyed hash of tenant, identifier and content
    tenant     text   NOT NULL,
    own_id     uuid   NOT NULL,    -- the identifier it is of
    event_time bigint NOT NULL,    -- when it was seen first, as far as known when it came in
    key_id     text   NOT NULL,
    sealed     bytea  NOT NULL
);

-- Records by blocking key: ids of eight bytes each, the last byte first. NULL for a list that outgrew its limit.
CREATE TABLE record_lists (
    key     bigint PRIMARY KEY,    -- keyed hash of tenant, model version and blocking key
    records bytea
) WITH (fillfactor = 70);

-- Records that are alike, with the living lists they share (as above). A pair that shares none any more does not count.
CREATE TABLE record_pairs (
    left_id      uuid             NOT NULL, -- the identifiers they are of, the lesser first
    right_id     uuid             NOT NULL,
    left_record  bigint           NOT NULL,
    right_record bigint           NOT NULL,
    bits         double precision NOT NULL,
    keys         bytea            NOT NULL,
    event_time   bigint           NOT NULL, -- when both had been seen
    told         text             NOT NULL, -- field, level and bits, as JSON
    PRIMARY KEY (left_id, right_id, left_record, right_record)
);
CREATE INDEX record_pairs_by_record ON record_pairs (left_record);

-- What follows for two identifiers: their strongest pair.
CREATE TABLE suggestions (
    id           uuid             PRIMARY KEY,
    tenant       text             NOT NULL,
    left_id      uuid             NOT NULL,
    right_id     uuid             NOT NULL,
    bits         double precision NOT NULL,
    told         text             NOT NULL,
    event_time   bigint           NOT NULL,
    since        bigint           NOT NULL, -- as_of of the first pair
    linked_since bigint,                    -- as_of from which it is evidence: it reached the upper threshold
    linked_until bigint,                    -- as_of at which it ceased to be
    counts       boolean          NOT NULL, -- some pair still does
    statement_id uuid                       -- what people decided
);
CREATE INDEX suggestions_by_bits ON suggestions (tenant, bits DESC, id) WHERE counts;
CREATE INDEX suggestions_by_left ON suggestions (left_id);
CREATE INDEX suggestions_by_right ON suggestions (right_id);
