"""The outside world: gRPC in, PostgreSQL out."""
