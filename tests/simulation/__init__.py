"""The whole client against a simulated exchange, in one process, on virtual time, from a seed."""
