"""Statements on the identity tables, one constant per method. Each writes or reads a whole batch."""

from typing import Final

# LATERAL with LIMIT or OFFSET: one look-up by index for each row, whatever the planner believes of tables that grow.
LOAD_NODES: Final = """
SELECT own_id::text, profile_id::text, n.root::text, tenant, namespace, token, first_time, had_profile
FROM (
    SELECT DISTINCT root FROM unnest($1::text[]::uuid[]) AS w(own_id)
    CROSS JOIN LATERAL (SELECT root FROM nodes WHERE own_id = w.own_id LIMIT 1) AS found
) AS wanted CROSS JOIN LATERAL (SELECT * FROM nodes WHERE root = wanted.root OFFSET 0) AS n
"""
LOAD_LINKS: Final = """
WITH ranked AS (
    SELECT found.* FROM unnest($1::text[]::uuid[]) AS w(own_id)
    CROSS JOIN LATERAL (SELECT * FROM links WHERE left_id = w.own_id AND left_ranked OFFSET 0) AS found
    UNION
    SELECT found.* FROM unnest($1::text[]::uuid[]) AS w(own_id)
    CROSS JOIN LATERAL (SELECT * FROM links WHERE right_id = w.own_id AND right_ranked OFFSET 0) AS found
)
SELECT l.tenant, l.namespace AS left_namespace, l.token AS left_token,
       r.namespace AS right_namespace, r.token AS right_token,
       ranked.left_id::text, ranked.right_id::text, ranked.support, ranked.first_time,
       ranked.first_event_id::text, ranked.refusal,
       ranked.left_ranked, ranked.right_ranked, ranked.weight, ranked.last_week
FROM ranked
CROSS JOIN LATERAL (SELECT tenant, namespace, token FROM nodes WHERE own_id = ranked.left_id LIMIT 1) AS l
CROSS JOIN LATERAL (SELECT namespace, token FROM nodes WHERE own_id = ranked.right_id LIMIT 1) AS r
"""
WRITE_NODES: Final = """
INSERT INTO nodes (tenant, own_id, profile_id, root, namespace, token, first_time, had_profile)
SELECT $1, n.* FROM unnest($2::text[]::uuid[], $3::text[]::uuid[], $4::text[]::uuid[], $5::text[], $6::text[],
                           $7::bigint[], $8::boolean[]) AS n
ON CONFLICT (own_id) DO UPDATE SET profile_id = excluded.profile_id, root = excluded.root,
    first_time = excluded.first_time, had_profile = excluded.had_profile
"""
# A link that ranks nowhere is not kept in memory, so its first event may be known here only.
WRITE_LINKS: Final = """
INSERT INTO links AS known
    (left_id, right_id, support, first_time, first_event_id, refusal, left_ranked, right_ranked, weight, last_week)
SELECT * FROM unnest($2::text[]::uuid[], $3::text[]::uuid[], $4::bigint[], $5::bigint[], $6::text[]::uuid[],
                     $7::text[], $8::boolean[], $9::boolean[], $10::float8[], $11::int[])
ON CONFLICT (left_id, right_id) DO UPDATE SET
    last_week = greatest(known.last_week, excluded.last_week),
    support = least(known.support + excluded.support, $1::bigint),
    first_event_id = CASE WHEN known.weight >= 0
                            OR (excluded.first_time, excluded.first_event_id) < (known.first_time, known.first_event_id)
                          THEN excluded.first_event_id ELSE known.first_event_id END,
    first_time = CASE WHEN known.weight >= 0 THEN excluded.first_time
                      ELSE least(excluded.first_time, known.first_time) END,
    weight = CASE WHEN known.weight < 0 THEN known.weight ELSE excluded.weight END,
    refusal = excluded.refusal, left_ranked = excluded.left_ranked, right_ranked = excluded.right_ranked
"""
STATED: Final = "SELECT tenant, body FROM statements WHERE until IS NULL"
GENERIC: Final = "SELECT tenant, namespace, token, reason FROM generic"
STATEMENTS: Final = """
SELECT body, until IS NOT NULL AS ended FROM statements
WHERE tenant = $1 AND (until IS NULL OR $2)
  AND (cardinality($3::text[]) = 0 OR EXISTS (
      SELECT FROM jsonb_array_elements((body::jsonb -> 'left') || coalesce(body::jsonb -> 'right', '[]')) AS one
      WHERE one ->> 0 || ':' || (one ->> 1) = ANY($3::text[])))
ORDER BY since DESC, id LIMIT $4
"""
STATEMENTS_AT: Final = """
SELECT body FROM statements WHERE tenant = $1 AND since <= $2 AND (until IS NULL OR until > $2)
"""
EVIDENCE: Final = """
WITH found AS (
    SELECT e.* FROM unnest($1::text[]::uuid[]) AS w(own_id) CROSS JOIN LATERAL (
        SELECT left_id, right_id, event_time, event_id FROM evidence
        WHERE (left_id = w.own_id OR right_id = w.own_id) AND event_time <= $2 AND as_of <= $3
        ORDER BY event_time, event_id LIMIT 1000
    ) AS e
)
SELECT DISTINCT ON (left_id, right_id) event_time, event_id::text,
       l.namespace, l.token, r.namespace AS right_namespace, r.token AS right_token
FROM found JOIN nodes l ON l.own_id = left_id JOIN nodes r ON r.own_id = right_id
ORDER BY left_id, right_id, event_time, event_id
"""
NAMES: Final = """
SELECT own_id::text, namespace, token FROM nodes WHERE own_id = ANY($1::text[]::uuid[]) AND tenant = $2
"""
COMMANDS_WAIT: Final = "SELECT EXISTS (SELECT FROM commands WHERE answer IS NULL)"
BEGIN: Final = "INSERT INTO statements (tenant, id, body, since) VALUES ($1, $2, $3, $4)"
END: Final = "UPDATE statements SET until = $3 WHERE tenant = $1 AND id = $2"
BAR: Final = """
INSERT INTO generic AS known (tenant, namespace, token, reason, last_touch) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant, namespace, token) DO UPDATE SET
    reason = CASE WHEN known.reason = 'GENERIC' THEN known.reason ELSE excluded.reason END,
    last_touch = greatest(known.last_touch, excluded.last_touch)
"""
LOGINS: Final = """
SELECT device_id::text, at, event_id::text, owner_namespace, owner_token FROM logins
WHERE device_id = ANY($1::text[]::uuid[])
"""
LAST_TOUCHES: Final = """
SELECT n.own_id::text, g.last_touch FROM nodes n JOIN generic g USING (tenant, namespace, token)
WHERE n.own_id = ANY($1::text[]::uuid[])
"""
WRITE_LOGINS: Final = """
INSERT INTO logins AS known (device_id, minute, at, event_id, owner_namespace, owner_token)
SELECT DISTINCT ON (device_id, minute, owner_namespace, owner_token) *
FROM unnest($1::text[]::uuid[], $2::bigint[], $3::bigint[], $4::text[]::uuid[], $5::text[], $6::text[])
    AS l(device_id, minute, at, event_id, owner_namespace, owner_token)
ORDER BY device_id, minute, owner_namespace, owner_token, at, event_id
ON CONFLICT (device_id, minute, owner_namespace, owner_token) DO UPDATE
SET at = excluded.at, event_id = excluded.event_id
WHERE (excluded.at, excluded.event_id) < (known.at, known.event_id)
"""
PENDING: Final = "SELECT ordinal, tenant, body, at FROM commands WHERE answer IS NULL ORDER BY ordinal LIMIT $1"
ASK: Final = """
INSERT INTO commands (tenant, request_id, body, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
ANSWERED: Final = "SELECT answer FROM commands WHERE tenant = $1 AND request_id = $2"
ANSWER: Final = "UPDATE commands SET answer = $2 WHERE ordinal = $1"
WRITE_EVIDENCE: Final = """
INSERT INTO evidence (left_id, right_id, event_time, event_id, as_of)
SELECT * FROM unnest($1::text[]::uuid[], $2::text[]::uuid[], $3::bigint[], $4::text[]::uuid[], $5::bigint[])
ON CONFLICT DO NOTHING
"""
WRITE_MEMBERSHIPS: Final = """
INSERT INTO memberships (own_id, profile_id, as_of)
SELECT * FROM unnest($1::text[]::uuid[], $2::text[]::uuid[], $3::bigint[])
"""
RELATIONS: Final = """
SELECT tenant, own_id::text, body, day, first_at, first_id::text, last_at, last_id::text FROM relations
WHERE own_id = ANY($1::text[]::uuid[])
"""
MEMBERS: Final = """
SELECT own_id::text FROM subject_members WHERE subject_id = $1::text::uuid AND ($2 = '' OR own_id > $2::text::uuid)
ORDER BY own_id LIMIT $3
"""
RELATE: Final = """
INSERT INTO relations AS known (tenant, own_id, told_id, day, body, first_at, first_id, last_at, last_id)
SELECT $1, r.* FROM unnest($2::text[]::uuid[], $3::text[]::uuid[], $4::bigint[], $5::text[], $6::bigint[],
                           $7::text[]::uuid[], $8::bigint[], $9::text[]::uuid[]) AS r
ON CONFLICT (own_id, told_id, day) DO UPDATE SET first_at = excluded.first_at, first_id = excluded.first_id,
    last_at = excluded.last_at, last_id = excluded.last_id
"""
ADD_MEMBERS: Final = """
INSERT INTO subject_members SELECT * FROM unnest($1::text[]::uuid[], $2::text[]::uuid[]) ON CONFLICT DO NOTHING
"""
COUNT: Final = """
SELECT count(*) FILTER (WHERE own_id = profile_id) AS profiles,
       count(*) FILTER (WHERE own_id <> profile_id AND had_profile) AS merges, count(*) AS identifiers
FROM nodes WHERE tenant = $1
"""
STEP_EVENTS: Final = "SELECT body FROM step_events ORDER BY event_time, event_id LIMIT $1"
KEEP_STEP_EVENTS: Final = """
INSERT INTO step_events SELECT * FROM unnest($1::bigint[], $2::text[]::uuid[], $3::bytea[])
"""
DROP_STEP_EVENTS: Final = """
DELETE FROM step_events s USING unnest($1::bigint[], $2::text[]::uuid[]) AS d(event_time, event_id)
WHERE s.event_time = d.event_time AND s.event_id = d.event_id
"""
RULES_CHANGES: Final = """
SELECT DISTINCT ON (tenant) tenant, ordinal, version, upto::text, done, merges, splits, records
FROM rules_changes
ORDER BY tenant, ordinal DESC
"""
WRITE_RULES_CHANGE: Final = """
INSERT INTO rules_changes (tenant, ordinal, version, upto, done, merges, splits, records)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (tenant, ordinal) DO UPDATE SET
    upto = excluded.upto, done = excluded.done, merges = excluded.merges, splits = excluded.splits,
    records = excluded.records
"""
PAGE: Final = """
WITH RECURSIVE ordered AS (
    (SELECT * FROM nodes WHERE own_id > $2::text::uuid ORDER BY own_id LIMIT 1)
    UNION ALL
    SELECT following.* FROM ordered
    CROSS JOIN LATERAL (SELECT * FROM nodes WHERE own_id > ordered.own_id ORDER BY own_id LIMIT 1) AS following
)
SELECT n.own_id::text, n.namespace, n.token,
       NOT EXISTS (SELECT FROM nodes o WHERE o.root = n.root AND o.own_id < n.own_id) AS leads
FROM ordered n WHERE n.tenant = $1 LIMIT $3
"""
# Of each identifier and each namespace at the other end, its earliest links, and those that rank.
SHOWN: Final = """
WITH ends AS (
    SELECT w.own_id, true AS is_left, found.* FROM unnest($1::text[]::uuid[]) AS w(own_id)
    CROSS JOIN LATERAL (SELECT * FROM links WHERE left_id = w.own_id OFFSET 0) AS found
    UNION ALL
    SELECT w.own_id, false, found.* FROM unnest($1::text[]::uuid[]) AS w(own_id)
    CROSS JOIN LATERAL (SELECT * FROM links WHERE right_id = w.own_id OFFSET 0) AS found
), placed AS (
    SELECT ends.*, l.namespace AS left_namespace, l.token AS left_token,
           r.namespace AS right_namespace, r.token AS right_token,
           row_number() OVER (
               PARTITION BY ends.own_id, CASE WHEN is_left THEN r.namespace ELSE l.namespace END
               ORDER BY weight >= 0, ends.first_time, first_event_id, l.namespace COLLATE "C", l.token COLLATE "C",
                        r.namespace COLLATE "C", r.token COLLATE "C"
           ) AS place
    FROM ends
    CROSS JOIN LATERAL (SELECT namespace, token FROM nodes WHERE own_id = ends.left_id LIMIT 1) AS l
    CROSS JOIN LATERAL (SELECT namespace, token FROM nodes WHERE own_id = ends.right_id LIMIT 1) AS r
)
SELECT own_id::text AS at, left_id::text, right_id::text, support, first_time, first_event_id::text, refusal,
       left_ranked, right_ranked, weight, last_week, left_namespace, left_token, right_namespace, right_token
FROM placed WHERE place <= $2 OR CASE WHEN is_left THEN left_ranked ELSE right_ranked END
"""
LIFT: Final = "DELETE FROM generic WHERE tenant = $1 AND namespace = $2 AND token = $3"
