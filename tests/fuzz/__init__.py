"""Frames and answers that no exchange sends: `python -m tests.fuzz` for longer runs."""
