"""`poolcli` and `python -m poolcli`."""

import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from poolcli.cli.streams import own_streams

    own_streams()
    try:
        from poolcli.cli.app import main as run

        code = run()
    except KeyboardInterrupt:  # before anything was begun
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
