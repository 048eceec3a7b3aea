-- What sources send, as counted on the way in: statistics, a few seconds of which a crash may lose.
CREATE TABLE source_hours (
    tenant      text   NOT NULL,
    source      text   NOT NULL,
    hour        bigint NOT NULL,
    accepted    bigint NOT NULL,
    duplicates  bigint NOT NULL,
    quarantined bigint NOT NULL,
    latest      bigint NOT NULL,
    PRIMARY KEY (tenant, source, hour)
);
-- Events looked at by type, and the kinds of values found at each path of theirs; path '' is the event itself.
CREATE TABLE observed_fields (
    tenant text   NOT NULL,
    source text   NOT NULL,
    type   text   NOT NULL,
    day    bigint NOT NULL,
    path   text   NOT NULL,
    kind   text   NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (tenant, source, type, day, path, kind)
);
