"""Recordings played through every layer with faults; `python -m tests.replays` for all places."""
