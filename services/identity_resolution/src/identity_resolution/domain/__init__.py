"""The identity graph: a pure function of the set of evidence and the rules."""
