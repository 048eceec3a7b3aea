"""Cairn's pure vocabulary. No I/O, no clock, no randomness lives here."""
