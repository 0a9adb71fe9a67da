"""Entry point of the command `lamppost`."""

import sys

from edge.cli.command import dispatch


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(dispatch(sys.argv[1:]))


if __name__ == "__main__":
    main()
