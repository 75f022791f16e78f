"""Order books of venuekit in C; used by `venuekit` where it is installed, and by nobody else."""
