"""`python -m invivo` and the console script."""

import sys

from invivo.cli import main as command_line


def main() -> None:
    """Run the command line."""
    sys.exit(command_line())


if __name__ == "__main__":
    main()
