-- Where each decision is stored: the event is the record, this only finds it.
CREATE TABLE decisions (
    tenant         text     NOT NULL,
    decision_id    uuid     NOT NULL,
    profile_id     uuid     NOT NULL,
    stream_version bigint   NOT NULL,
    partition      smallint NOT NULL,
    moment_id      text     NOT NULL,
    journey        text     NOT NULL,
    action         text     NOT NULL, -- empty if nothing was chosen
    reason         text     NOT NULL,
    decided        bigint   NOT NULL, -- µs since 1970 UTC, by the domain's clock
    PRIMARY KEY (tenant, decision_id)
);
CREATE INDEX decisions_of_customer ON decisions (tenant, profile_id, decided, decision_id);

-- One row per partition, so that owners of different partitions never wait for each other.
CREATE TABLE decision_counts (
    tenant    text     NOT NULL,
    partition smallint NOT NULL,
    reason    text     NOT NULL,
    action    text     NOT NULL,
    decisions bigint   NOT NULL,
    PRIMARY KEY (tenant, partition, reason, action)
) WITH (fillfactor = 50);

-- Whose decisions also belong to a customer.
CREATE TABLE merged_profiles (
    tenant   text NOT NULL,
    survivor uuid NOT NULL,
    loser    uuid NOT NULL,
    PRIMARY KEY (tenant, survivor, loser)
);
