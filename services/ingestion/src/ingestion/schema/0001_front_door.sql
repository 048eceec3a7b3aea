-- The clock of the installation. Whoever appends events holds this row: as_of never falls, and no event
-- slips past the end of a step.
CREATE TABLE clock (
    single   boolean PRIMARY KEY DEFAULT true CHECK (single),
    mode     text    NOT NULL DEFAULT 'live' CHECK (mode IN ('live', 'open', 'closing')),
    step     bigint  NOT NULL DEFAULT 0,
    starts   bigint  NOT NULL DEFAULT 0,
    ends     bigint  NOT NULL DEFAULT 0,
    last     boolean NOT NULL DEFAULT false,
    as_of    bigint  NOT NULL DEFAULT 0,
    outcomes bigint  NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO clock DEFAULT VALUES;

-- Who may send. Keys are kept as keyed hashes only.
CREATE TABLE sources (
    key_hash text PRIMARY KEY,
    tenant   text NOT NULL,
    source   text NOT NULL,
    clock    text NOT NULL DEFAULT 'server' CHECK (clock IN ('server', 'device')),
    trust    text NOT NULL DEFAULT 'server' CHECK (trust IN ('server', 'public')),
    declared text NOT NULL DEFAULT 'settings'
);

-- Events taken in during the last days, to tell a repeat: one table a day, used in turn.
CREATE TABLE seen_0 (event_id uuid PRIMARY KEY, digest bytea NOT NULL);
CREATE TABLE seen_1 (event_id uuid PRIMARY KEY, digest bytea NOT NULL);
CREATE TABLE seen_2 (event_id uuid PRIMARY KEY, digest bytea NOT NULL);
CREATE TABLE seen_3 (event_id uuid PRIMARY KEY, digest bytea NOT NULL);
CREATE TABLE seen_days (slot smallint PRIMARY KEY, day bigint NOT NULL);
INSERT INTO seen_days SELECT generate_series(0, 3), -1;

-- The runtime role may not TRUNCATE; it may empty the table of a day that is long over.
CREATE FUNCTION begin_seen_day(today bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
DECLARE
    held bigint;
BEGIN
    SELECT day INTO held FROM seen_days WHERE slot = today % 4 FOR UPDATE;
    IF held < today THEN
        EXECUTE format('TRUNCATE seen_%s', today % 4);
        UPDATE seen_days SET day = today WHERE slot = today % 4;
    END IF;
END $$;

-- Keys of customers, wrapped by the installation's key. A deleted row makes what it sealed unreadable for ever.
CREATE TABLE subject_keys (
    key_id  uuid PRIMARY KEY,
    tenant  text  NOT NULL,
    wrapped bytea NOT NULL
);

-- Events kept aside, payload sealed.
CREATE TABLE quarantine (
    quarantine_id uuid   PRIMARY KEY,
    tenant        text   NOT NULL,
    source        text   NOT NULL,
    message_id    text   NOT NULL,
    reason        text   NOT NULL,
    field         text   NOT NULL,
    received      bigint NOT NULL,
    key_id        uuid   NOT NULL,
    payload       bytea  NOT NULL
);
CREATE INDEX quarantine_newest_first ON quarantine (received DESC, quarantine_id DESC);

-- Outcomes of the running step of a time-lapse, and how far each partition of `deliveries` has come back.
CREATE TABLE outcomes_waiting (
    event_id uuid   PRIMARY KEY,
    step     bigint NOT NULL,
    state    bytea  NOT NULL
);
CREATE TABLE steps_returned (
    partition smallint PRIMARY KEY,
    step      bigint NOT NULL DEFAULT -1,
    live      boolean NOT NULL DEFAULT true
);
INSERT INTO steps_returned (partition) SELECT generate_series(0, 31);
