"""Tests of journeys: scenarios on virtual time, and properties that every programme must have."""
