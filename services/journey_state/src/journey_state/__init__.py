"""journey-state: where every customer is in every journey."""
