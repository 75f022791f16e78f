"""Fills through broken private streams: the exchange's own ledger is the judge."""
