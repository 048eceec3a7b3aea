-- The last week (of 7 days, from 1970) in which an event showed a link; unknown (NULL) for what was shown before this.
ALTER TABLE links ADD COLUMN last_week int;
