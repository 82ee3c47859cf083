"""`poolcli` and `python -m poolcli`."""

import gc
import os
import sys

# The modules of a start are 100,000 objects that stay: looking through them every 700 or 20,000 new ones takes 5 % of
# what one small picture does, and looking through them once more at the end 20 %.
OBJECTS = 150_000
# Seconds after which a thread that wants to go on may: one that decodes while another loads modules asks for every
# piece of its file. 15 % of the time of a JPEG of 12 megapixels, and 4 % of a batch in threads.
PATIENCE = 1e-4
# NumPy's linear algebra, which is not used here, would start a thread for every processor: 30 ms, and memory for each.
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> None:
    """Run the command line and end the process with its exit code."""
    gc.set_threshold(OBJECTS)
    sys.setswitchinterval(PATIENCE)
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
    try:
        from poolcli.cli.streams import own_streams

        own_streams()
        if sys.argv[1:] == ["--version"] and _printed_version():
            sys.exit(0)
        from poolcli.cli.app import main as run

        code = run()
    except KeyboardInterrupt:  # before anything was begun
        code = 130
    except MemoryError:
        os.write(sys.stderr.fileno(), b"poolcli: this machine has not memory enough to begin\n")
        code = 1
    gc.freeze()
    sys.exit(code)


def _printed_version() -> bool:
    """Write the version without Typer, which takes ten times as long to load; False where that cannot be done."""
    from poolcli import __version__

    try:
        sys.stdout.write(f"poolcli {__version__}\n")
        sys.stdout.flush()
    except OSError:  # `app` meets it again and reports it
        return False
    return True


if __name__ == "__main__":
    main()
