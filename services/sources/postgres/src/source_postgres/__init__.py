"""Brings the changes of PostgreSQL tables into Cairn."""
