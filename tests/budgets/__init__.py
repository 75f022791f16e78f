"""Heavy use of whole exchanges on virtual time, against simulators that count and ban."""
