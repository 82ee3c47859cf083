"""Timing in turn: A B C A B C ..., so that a machine whose speed drifts drifts for all of them."""

import gc
import time
from collections.abc import Callable, Mapping
from statistics import median

Call = Callable[[], object]
Calls = Mapping[str, Call]
Times = dict[str, list[float]]

CPU = ", CPU"  # after the name of a call: its processor time
TURN = 0.02  # seconds that a fast call is repeated for in its turn, after one call that is not counted


def processor_time() -> float:
    """Seconds that the processes started and ended so far have had a processor, all their threads together."""
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def interleaved(calls: Calls, *, rounds: int, budget: float, whole: bool = False) -> Times:
    """Seconds of every call in every round; at least 3 rounds, then up to `rounds` within `budget` seconds.

    Seconds of processor time, of all threads: what else the machine does counts less. `whole`: the calls run whole
    processes, once in every turn; their seconds by the clock, and under NAME + CPU those of processors.

    In its turn a call runs once uncounted, so that it finds its own data in the caches and not what the one before
    left there; then as often as fits into TURN, and counts as the mean of these. A call slower than TURN runs once.
    """
    for call in calls.values():
        call()
    clock = time.process_time
    repeats = {
        name: 1 if whole else int(TURN / max(_seconds(call, 1, clock), 1e-6)) or 1 for name, call in calls.items()
    }
    times: Times = {name + kind: [] for name in calls for kind in (("", CPU) if whole else ("",))}
    begin = time.perf_counter()
    gc.disable()
    try:
        for number in range(rounds):
            if number >= 3 and time.perf_counter() - begin > budget:
                break
            for name, call in calls.items():
                if whole:
                    used = processor_time()
                    times[name].append(_seconds(call, 1, time.perf_counter))
                    times[name + CPU].append(processor_time() - used)
                    continue
                if repeats[name] > 1:
                    call()
                times[name].append(_seconds(call, repeats[name], clock))
    finally:
        gc.enable()
    return times


def _seconds(call: Call, repeats: int, clock: Callable[[], float]) -> float:
    start = clock()
    for _ in range(repeats):
        call()
    return (clock() - start) / repeats


def ratio(times: Times, a: str, b: str) -> float:
    """The median over the rounds of a's time by b's in the same round."""
    return median(x / y for x, y in zip(times[a], times[b], strict=True))
