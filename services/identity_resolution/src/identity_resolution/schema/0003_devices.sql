-- Identifiers that the evidence shows to be shared: by a few who log in on one device in turn, or by a crowd.
ALTER TABLE generic ADD COLUMN reason text NOT NULL DEFAULT 'GENERIC';
ALTER TABLE generic ADD COLUMN last_touch bigint NOT NULL DEFAULT 0; -- of a shared device: up to when it was seen alone

-- Log-ins on devices, and log-outs (no owner): of each owner the earliest of a minute. If a device turns out to be
-- shared, they say whose it was when.
CREATE TABLE logins (
    device_id       uuid   NOT NULL,
    minute          bigint NOT NULL,
    at              bigint NOT NULL,
    event_id        uuid   NOT NULL,
    owner_namespace text   NOT NULL,
    owner_token     text   NOT NULL,
    PRIMARY KEY (device_id, minute, owner_namespace, owner_token)
);
