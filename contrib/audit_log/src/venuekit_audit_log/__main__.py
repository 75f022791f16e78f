"""`python -m venuekit_audit_log FOLDER [--head HASH]`, where nothing is configured."""

import sys

from venuekit_audit_log.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
