"""Many processes, one key: what the exchange sees of its nonces when they are killed."""
