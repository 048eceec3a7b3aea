"""Subjects other than persons: who says who belongs to them, from when to when, and what they are told of it."""
