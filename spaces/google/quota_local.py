"""The quota of one process while Redis is away."""

import math
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable

from spaces.google.limits import PROJECT, SLOTS, Flow, Kind


class Counts:
    """Numbers for the meter, by class and account (or scope)."""

    def __init__(self) -> None:
        self.used: Counter[tuple[Kind, str]] = Counter()
        self.waited: Counter[tuple[Kind, str]] = Counter()
        self.paused: dict[tuple[Kind, str], float] = {}


class LocalFallback:
    """The same buckets in the memory of this process. `clock` returns seconds."""

    def __init__(self, period: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._slot = period / SLOTS
        self._clock = clock
        self._lock = threading.Lock()
        self._full_at: dict[tuple[Kind, str], float] = {}
        self._paused: dict[tuple[Kind, str], float] = {}
        self._used: defaultdict[int, Counter[tuple[Kind, str]]] = defaultdict(Counter)
        self._waited: defaultdict[int, Counter[tuple[Kind, str]]] = defaultdict(Counter)

    def ask(self, kind: Kind, account: str, flows: list[Flow], *, first: bool) -> float:
        """Take from all of these buckets, or from none and say how many seconds to wait."""
        with self._lock:
            now = self._clock()
            wait = max(self._paused.get((kind, scope), now) - now for scope in (PROJECT, account))
            full = {}
            for flow in flows:
                full[kind, flow.name] = max(self._full_at.get((kind, flow.name), now), now) + flow.each
                wait = max(wait, full[kind, flow.name] - now - flow.each * flow.burst)
            slot = math.floor(now / self._slot)
            # A grain of a nanosecond: rounding must not turn "now" into a wait that never ends.
            if wait > 1e-9:
                self._waited[slot][kind, account] += int(first)
                return wait
            self._full_at.update(full)
            self._used[slot][kind, account] += 1
            for old in (self._used, self._waited):
                for key in [key for key in old if key <= slot - SLOTS]:
                    del old[key]
            return 0.0

    def pause(self, kind: Kind, scope: str, seconds: float) -> None:
        """Shut a bucket for this long, never for less than before."""
        with self._lock:
            ends = self._clock() + seconds
            self._paused[kind, scope] = max(ends, self._paused.get((kind, scope), ends))

    def counts(self) -> Counts:
        """What this process used while it was alone."""
        with self._lock:
            now = self._clock()
            newest = math.floor(now / self._slot)
            counts = Counts()
            for slot in range(newest - SLOTS + 1, newest + 1):
                counts.used += self._used.get(slot, Counter())
                counts.waited += self._waited.get(slot, Counter())
            counts.paused = {key: ends - now for key, ends in self._paused.items()}
            return counts
