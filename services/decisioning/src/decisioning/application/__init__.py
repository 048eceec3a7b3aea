"""Questions about decisions: one file per question."""
