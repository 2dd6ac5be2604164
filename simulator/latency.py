"""How long an answer takes: a lognormal distribution, drawn from the seed."""

import math
import random

TAIL = 4.0  # the 99th percentile, in medians, where nobody says otherwise
_Z99 = 2.3263  # standard deviations from the median to the 99th percentile


class Latency:
    """Waiting time of each request to Meet or to the token endpoint; a median of 0 is no waiting at all."""

    def __init__(self, median_ms: float = 0.0, p99_ms: float | None = None, *, seed: int = 0) -> None:
        self.first = (median_ms, p99_ms)
        self.restart(seed)

    def restart(self, seed: int) -> None:
        """The distribution of the start again, and chance from the beginning."""
        self.chance = random.Random(f"latency/{seed}")
        self.set(*self.first)

    def set(self, median_ms: float, p99_ms: float | None = None) -> None:
        """Choose median and 99th percentile in milliseconds; raises ValueError if the tail is below the median."""
        tail = TAIL * median_ms if p99_ms is None else p99_ms
        if median_ms < 0 or tail < median_ms:
            raise ValueError("The 99th percentile must not be below the median.")
        self.median_ms = median_ms
        self.p99_ms = tail
        self.sigma = math.log(tail / median_ms) / _Z99 if median_ms > 0 else 0.0

    def draw(self) -> float:
        """The waiting time of one request, in seconds."""
        if self.median_ms <= 0:
            return 0.0
        return self.chance.lognormvariate(math.log(self.median_ms), self.sigma) / 1000

    def as_json(self) -> dict[str, float]:
        """As the control shows it."""
        return {"median_ms": self.median_ms, "p99_ms": self.p99_ms}


def parse_latency(text: str) -> tuple[float, float | None]:
    """``MEDIAN`` or ``MEDIAN,P99`` of the command line, in milliseconds; raises ValueError."""
    median, _, tail = text.partition(",")
    chosen = (float(median), float(tail) if tail else None)
    Latency(*chosen)
    return chosen
