"""Market data from the socket to the application: what a message costs."""
