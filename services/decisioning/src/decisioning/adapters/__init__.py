"""gRPC in, PostgreSQL out."""
