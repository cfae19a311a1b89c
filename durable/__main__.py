"""The command `durable`, and `python -m durable`."""

from __future__ import annotations

import sys

from durable.installation import lacking


def main() -> None:
    """Run the command line; a package that it needs and that is not installed is said in a sentence."""
    try:
        from durable.cli import main as run
    # Here and not in the command line itself, whose own imports are what fails.
    except ModuleNotFoundError as error:
        said = lacking(error)
        if said is None:
            raise
        sys.stderr.write(f"{said}\n")
        sys.exit(2)
    run()


if __name__ == "__main__":
    main()
