-- Customers with a stream; `merged_into` once they turned out to be somebody else.
CREATE TABLE customers (
    tenant      text     NOT NULL,
    profile_id  uuid     NOT NULL,
    partition   smallint NOT NULL,
    merged_into uuid,
    PRIMARY KEY (tenant, profile_id)
);

-- How one customer stands in one journey: enough to count all of them.
CREATE TABLE standings (
    tenant      text    NOT NULL,
    profile_id  uuid    NOT NULL,
    journey     text    NOT NULL,
    entered     bigint  NOT NULL,
    in_flight   bigint  NOT NULL,
    goal        bigint  NOT NULL,
    goal_value  numeric NOT NULL,
    currency    text    NOT NULL,
    exited      bigint  NOT NULL,
    stage       text    NOT NULL, -- of the open instance; empty if none
    entries     jsonb   NOT NULL, -- stage to how many times it was entered
    transitions jsonb   NOT NULL, -- `from>to` to how many times
    PRIMARY KEY (tenant, profile_id, journey)
);
