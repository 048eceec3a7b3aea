-- The consent ledger's entries as identity resolution tells them.
ALTER TABLE consents RENAME COLUMN granted TO refuses;
UPDATE consents SET refuses = NOT refuses;
ALTER TABLE consents
    ADD COLUMN at      bigint NOT NULL DEFAULT 0,  -- when it was said; never after as_of
    ADD COLUMN state   text   NOT NULL DEFAULT '', -- granted, denied, withdrawn, suppressed, lifted
    ADD COLUMN reason  text   NOT NULL DEFAULT '',
    ADD COLUMN purpose text   NOT NULL DEFAULT '',
    ADD COLUMN source  text   NOT NULL DEFAULT '',
    ADD COLUMN proof   text   NOT NULL DEFAULT '',
    ADD COLUMN author  text   NOT NULL DEFAULT '';
UPDATE consents SET at = as_of, state = CASE WHEN refuses THEN 'withdrawn' ELSE 'granted' END;
