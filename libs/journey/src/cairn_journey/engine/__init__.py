"""The engine: what an event, or time alone, brings about for one customer. Pure."""
