"""`make bench`: each figure beside its limit or its rival, measured in the same run."""
