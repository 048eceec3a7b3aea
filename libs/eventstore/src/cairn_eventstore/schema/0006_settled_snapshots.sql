-- From where a stream may be told anew: what takes effect at `told_from` (µs) or later does not reach behind a snapshot.
ALTER TABLE snapshots ADD COLUMN told_from bigint NOT NULL DEFAULT 9223372036854775807;
-- Beside the newest state of a stream one behind which no event reaches that comes in from now on. Only a cache, too.
CREATE TABLE settled_snapshots (LIKE snapshots INCLUDING ALL);
