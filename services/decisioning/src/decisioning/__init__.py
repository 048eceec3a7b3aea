"""Decisioning: a moment in, one decision out, with every reason kept."""
