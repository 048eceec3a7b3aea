-- The same two may be joined, parted and joined again.
ALTER TABLE merges ADD COLUMN cause text NOT NULL DEFAULT '';
ALTER TABLE merges DROP CONSTRAINT merges_pkey;
ALTER TABLE merges ADD PRIMARY KEY (loser, survivor, cause);

-- A split is told in both profiles' partitions; who wants to write to the receiver waits for the giver's side.
CREATE TABLE splits (
    giver         uuid    NOT NULL,
    receiver      uuid    NOT NULL,
    as_of         bigint  NOT NULL,
    events        text[]  NOT NULL, -- ids of the events that are the receiver's
    giver_told    boolean NOT NULL,
    receiver_told boolean NOT NULL,
    cause         text    NOT NULL,
    PRIMARY KEY (giver, receiver, cause)
);
CREATE INDEX splits_by_receiver ON splits (receiver);
