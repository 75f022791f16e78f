"""A local exchange: matching, protocol, server and faults, for tests and for trying things out."""
