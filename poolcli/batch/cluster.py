"""An executor of dask workers: processes started here, or those of a scheduler that is there already.

Only names and records travel: workers read pictures and write results themselves, so that a task may run twice (dask
moves it when its worker dies) and leaves the same bytes. Items go in chunks of about a second. The items of a chunk
that killed its workers are tried again one at a time, with nothing else under way: then it is known whom to blame.
"""

import logging
import secrets
import signal
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from distributed import Client, LocalCluster, WorkerPlugin
from distributed.comm import CommClosedError
from distributed.scheduler import KilledWorker

from poolcli import __version__
from poolcli.batch import SIGNALS
from poolcli.batch.executors import Failure, Limits, attempt
from poolcli.errors import PoolcliError, UsageError
from poolcli.storage.stores import reason_of, redacted

CHUNK_SECONDS = 1.0
LARGEST_CHUNK = 64
FEWEST_TASKS = 8  # under way, whatever the number of workers: so that a cluster that adapts itself sees work
PATIENCE = 10  # seconds for a scheduler to answer
TLS = "tls://"  # dask raises TypeError when it has no certificates for it
_RECOUNT = 5.0  # seconds after which the workers are counted again

Submitted = tuple[Future[Any], Any]  # an item, and its result in time


class Dask:
    """`limits.jobs` worker processes of one thread, or the workers of `limits.scheduler`."""

    def __init__(self, function: Callable[[Any], Any], limits: Limits) -> None:
        """`function` and the items must be values that can be sent."""
        self._function, self._limits = function, limits
        self._run = secrets.token_hex(4)  # of the keys, lest a task of another run be taken for one of ours
        self._held = ExitStack()
        self._chunk_size, self._begun = 1, 0
        self._tasks, self._counted = FEWEST_TASKS, -_RECOUNT
        self._waiting: list[Submitted] = []  # for the rest of their chunk
        self._under_way: dict[str, tuple[Any, list[Submitted]]] = {}  # key -> dask's future, which has to be held
        self._suspects: deque[Submitted] = deque()
        self._ended: SimpleQueue[Any] = SimpleQueue()  # tasks, put there by threads of the client

    def __enter__(self) -> "Dask":
        warnings.filterwarnings("ignore", "resource_tracker", UserWarning)  # a signal to the whole group has ended it
        with ExitStack() as held:
            for name in ("distributed", "distributed.client"):  # what matters is reported by poolcli
                held.callback(logging.getLogger(name).setLevel, logging.getLogger(name).level)
                logging.getLogger(name).setLevel(logging.CRITICAL)
            self._client = held.enter_context(_connected(self._limits, held))
            self._limits.log(f"dask dashboard: {redacted(self._client.dashboard_link)}")
            self._held = held.pop_all()
        return self

    def __exit__(self, *raised: object) -> None:
        with suppress(OSError):
            self._held.close()

    @property
    def places(self) -> int:
        """Two tasks for every thread of a worker, as many as there are now."""
        self._recount()
        return max(self._tasks, FEWEST_TASKS) * self._chunk_size

    def _recount(self) -> None:
        """Ask for the number of threads from time to time; report when there are none any more."""
        if time.monotonic() - self._counted < _RECOUNT:
            return
        with suppress(OSError):
            threads = sum(self._client.nthreads().values())
            if not threads and self._tasks:
                self._limits.log("no dask worker is there: waiting for one")
            self._tasks = 2 * threads
        self._counted = time.monotonic()

    def submit(self, item: Any) -> Future[Any]:
        """Let it wait for a chunk, or go with one."""
        future: Future[Any] = Future()
        self._waiting.append((future, item))
        if len(self._waiting) >= self._chunk_size:
            self._send()
        return future

    def wait(self, futures: Iterable[Future[Any]]) -> None:
        """Until a task has ended, or a second has passed; what waits for the rest of its chunk goes now."""
        if self._waiting:
            self._send()
        elif not self._under_way:
            self._begin([self._suspects.popleft()], alone=True)
        try:
            self._hear(self._ended.get(timeout=1))
        except Empty:
            self._recount()

    def _send(self) -> None:
        chunk, self._waiting = self._waiting, []
        self._begin(chunk)

    def _begin(self, chunk: list[Submitted], *, alone: bool = False) -> None:
        self._begun += 1
        key = f"poolcli-{self._run}-{self._begun}" + ("-alone" if alone else "")
        work = partial(_work, __version__, self._function, [item for _, item in chunk])
        task = self._client.submit(work, key=key)
        self._under_way[key] = task, chunk
        task.add_done_callback(self._ended.put)

    def _hear(self, task: Any) -> None:
        """Take what has become of a task."""
        _, chunk = self._under_way.pop(task.key)
        try:
            seconds, results = task.result()
        except KilledWorker as error:
            self._blame(chunk, error, alone=task.key.endswith("-alone"))
        except Exception as error:  # not of our function, whose errors are results
            raise self._trouble(error) from error
        else:
            self._chunk_size = _next_size(self._chunk_size, seconds / len(chunk))
            for (future, _), result in zip(chunk, results, strict=True):
                future.set_result(result)

    def _trouble(self, error: Exception) -> PoolcliError:
        """What keeps tasks from being done: there is no scheduler, or a worker that came later has no such poolcli."""
        if isinstance(error, CancelledError | CommClosedError) or self._client.status != "running":
            return PoolcliError(
                "the dask scheduler is gone; what is finished is whole: go on with --resume, or begin again"
            )
        return PoolcliError(
            f"a dask worker cannot do the work ({reason_of(error)}): does it have poolcli {__version__}?"
        )

    def _blame(self, chunk: list[Submitted], error: KilledWorker, *, alone: bool) -> None:
        if not alone:
            self._suspects += chunk
            return
        times = error.allowed_failures + 1
        ending = f"ended its worker process {times} times" if times > 1 else "ended its worker process"
        chunk[0][0].set_result(Failure("crash", f"{ending} (perhaps a crash in a codec, or the memory ran out)"))


def _work(version: str, function: Callable[[Any], Any], items: Sequence[Any]) -> tuple[float, list[Any]]:
    """What a worker does: the results, and the seconds they took. It may have come after the check of versions."""
    if version != __version__:
        raise PoolcliError(f"it has poolcli {__version__}")
    start = time.monotonic()
    results = [attempt(function, item) for item in items]
    return time.monotonic() - start, results


def _next_size(size: int, seconds: float) -> int:
    """Items for a chunk when one takes so long: never more than twice what was, lest one quick item mislead.

    >>> _next_size(1, 0.001), _next_size(2, 0.001), _next_size(64, 0.5), _next_size(64, 0.0)
    (2, 4, 2, 64)
    """
    count = CHUNK_SECONDS / seconds if seconds > 0 else LARGEST_CHUNK
    return max(1, min(int(count), 2 * size, LARGEST_CHUNK))


def _connected(limits: Limits, held: ExitStack) -> Client:
    if limits.scheduler is None:
        return _own_cluster(limits, held)
    where = redacted(limits.scheduler)
    try:
        client = Client(limits.scheduler, timeout=PATIENCE, set_as_default=False)
    except OSError as error:
        raise PoolcliError(
            f"the scheduler '{where}' cannot be reached ({reason_of(error)}): check its address"
        ) from error
    except TypeError as error:
        if not limits.scheduler.startswith(TLS):
            raise
        raise PoolcliError(
            f"the scheduler '{where}' needs certificates: name them in dask's configuration, distributed.comm.tls"
        ) from error
    held.callback(client.close)
    _check_workers(client)
    return client


def _own_cluster(limits: Limits, held: ExitStack) -> Client:
    try:
        cluster = LocalCluster(
            n_workers=limits.jobs,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
            scheduler_kwargs={"allowed_failures": limits.allowed_failures},
        )
    except (OSError, RuntimeError) as error:
        raise PoolcliError(
            f"no dask worker can be started here ({reason_of(error)}); use --engine processes"
        ) from error
    held.enter_context(cluster)
    client = Client(cluster, set_as_default=False)
    client.register_plugin(_Calm())
    return client


def _check_workers(client: Client) -> None:
    """UsageError when the workers of a cluster have another poolcli, or none."""
    for worker, version in client.run(_version, on_error="return").items():
        if version != __version__:
            has = "no poolcli" if isinstance(version, Exception) else f"poolcli {version}"
            raise UsageError(
                f"the worker {worker} has {has}, this is poolcli {__version__}: install the same version there"
            )


def _version() -> str:
    return __version__


class _Calm(WorkerPlugin):
    """Ctrl-C and its kin are for the process that feeds the workers, which lets them finish."""

    name = "poolcli-calm"

    def setup(self, worker: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, signal.SIG_IGN)
