"""The command `venuekit`. Imported by that command only; the library never imports it."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line with the process's arguments and end the process."""
    from venuekit.cli.command_line import CommandLine

    sys.exit(CommandLine().run(sys.argv[1:]))
