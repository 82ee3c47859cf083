"""`python -m tests.bench`: poolcli against its peers, side by side in one process, one thread each."""
