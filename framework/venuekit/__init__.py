"""venuekit."""
