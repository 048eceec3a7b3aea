-- How far changes of the rules have been worked off: all identifiers up to `upto` (own_id) stand as the rules say.
CREATE TABLE rules_changes (
    tenant  text   NOT NULL,
    ordinal int    NOT NULL, -- 1 is the first change of the rules that hold without any
    version text   NOT NULL,
    upto    uuid   NOT NULL,
    done    boolean NOT NULL,
    merges  bigint NOT NULL,
    splits  bigint NOT NULL,
    PRIMARY KEY (tenant, ordinal)
);
-- All links of an identifier, whether they rank at it or not: only a change of the rules asks for them.
CREATE INDEX links_by_right_end ON links (right_id);
