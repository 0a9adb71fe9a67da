"""Entry point of the command `lamppost`."""

import os
import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with its code."""
    # Closed by whoever started us: what would be said has nowhere to go, and that is no error.
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - for good
    try:
        from edge.cli.command import dispatch

        code = dispatch(sys.argv[1:])
    except KeyboardInterrupt:
        # Ctrl-C while the packages are still being imported.
        code = _INTERRUPTED
    sys.exit(code)


if __name__ == "__main__":
    main()
