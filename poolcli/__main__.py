"""`poolcli` and `python -m poolcli`."""

import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from poolcli.cli.app import main as run

    sys.exit(run())


if __name__ == "__main__":
    main()
