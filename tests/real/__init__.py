"""What needs a server that is not ours: a real Postgres. `make test-real` runs it, `make test` does not."""
