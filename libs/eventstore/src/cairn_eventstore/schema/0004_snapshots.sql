-- States of long streams, so that they load in the time of a short one. Only a cache: rows may be deleted at any time.
CREATE TABLE snapshots (
    stream  uuid   PRIMARY KEY,
    version bigint NOT NULL, -- of the last event in it
    format  text   NOT NULL, -- of the service that wrote it; another one is ignored
    state   bytea  NOT NULL
);
