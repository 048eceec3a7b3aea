-- Ranges of positions whose events are in Parquet files of the archive folder instead of here, and the streams that
-- have events there. Only the owner writes these.
CREATE TABLE archives (
    partition smallint NOT NULL,
    first     bigint   NOT NULL,
    last      bigint   NOT NULL,
    name      text     NOT NULL, -- of its files, without suffix
    PRIMARY KEY (partition, first)
);
CREATE TABLE archived_streams (
    stream    uuid     PRIMARY KEY,
    partition smallint NOT NULL,
    version   bigint   NOT NULL -- the last that is in the archive; all before it are too
);
