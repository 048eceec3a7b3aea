-- What was committed together to one partition: `link` is the SHA-256 over the link before it, the place, and the hash of
-- the events; `sums` are four bytes per event, by which a changed one is named (empty for what was stored before this).
CREATE TABLE chain (
    partition smallint NOT NULL,
    last      bigint   NOT NULL,
    first     bigint   NOT NULL,
    link      bytea    NOT NULL,
    sums      bytea    NOT NULL,
    PRIMARY KEY (partition, last)
);
ALTER TABLE heads ADD COLUMN link bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex');

-- Chain what was stored before there was a chain: a hundred events to a link.
DO $$
DECLARE
    head   record;
    page   record;
    before bytea;
BEGIN
    FOR head IN SELECT partition FROM heads WHERE position > 0 LOOP
        before := decode(repeat('00', 32), 'hex');
        FOR page IN
            SELECT min(position) AS first, max(position) AS last, sha256(
                convert_to(string_agg(format(E'%s %s %s %s %s\n', originator_id, originator_version, length(topic), topic,
                                             length(state)), '' ORDER BY position), 'UTF8')
                || string_agg(state, ''::bytea ORDER BY position)) AS content
            FROM events WHERE partition = head.partition GROUP BY (position - 1) / 100 ORDER BY 1
        LOOP
            before := sha256(before || int2send(head.partition) || int8send(page.first) || int8send(page.last)
                             || page.content);
            INSERT INTO chain VALUES (head.partition, page.last, page.first, before, '');
        END LOOP;
        UPDATE heads SET link = before WHERE partition = head.partition;
    END LOOP;
END $$;
