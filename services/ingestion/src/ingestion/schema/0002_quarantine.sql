-- How to understand a payload again when it is redriven: the client's way to speak, or `draft` for one understood already.
ALTER TABLE quarantine ADD COLUMN form text NOT NULL DEFAULT 'segment:';
ALTER TABLE quarantine ADD COLUMN historical boolean NOT NULL DEFAULT false;
CREATE INDEX quarantine_by_reason ON quarantine (tenant, source, reason, field);
