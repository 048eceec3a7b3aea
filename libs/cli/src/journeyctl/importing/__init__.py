"""Bulk import: rows of a file become events at the front door, once each, however often it is begun."""
