"""Where the service touches the world: gRPC in, PostgreSQL out."""
