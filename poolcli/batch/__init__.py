"""From what a user named to jobs and through them: discover inputs, plan where each goes, run."""

import signal

# What ends a run: Ctrl-C, SIGTERM of clusters and containers, SIGHUP of a terminal that closes.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
