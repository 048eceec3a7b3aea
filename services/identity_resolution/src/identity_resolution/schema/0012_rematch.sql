-- Where matching changed, stored records are compared anew in the order of their ids once all identifiers stand.
ALTER TABLE rules_changes ADD COLUMN records bigint; -- the record compared last; NULL while identifiers are looked at
CREATE INDEX record_pairs_by_other_record ON record_pairs (right_record);

-- Lists go by the change of the rules that made them from now on: those there are, which follow from the records, are
-- made anew as after a change.
TRUNCATE record_lists;
UPDATE rules_changes c
SET done = false, upto = 'ffffffff-ffff-ffff-ffff-ffffffffffff', records = -9223372036854775808
WHERE done AND ordinal = (SELECT max(ordinal) FROM rules_changes o WHERE o.tenant = c.tenant)
  AND EXISTS (SELECT FROM records r WHERE r.tenant = c.tenant);
