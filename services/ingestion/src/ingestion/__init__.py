"""The front door: events in, deduplicated, sealed, stamped and appended to the `events` log."""
