"""A year of retail customers through the whole suite, and what became of them."""
