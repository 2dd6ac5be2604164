"""Ordered faults and the count of requests."""

import random
from collections import Counter
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from simulator.refusals import Refusal

KINDS = ("timeout", "garbage", "truncated", "slow")


@dataclass(slots=True)
class Fault:
    """One order: which requests, what happens to them, how often (None = until deleted), with what probability,
    and between which moments of world time (``until`` None = no end).

    What happens is one of ``refusal``, ``kind`` (one of KINDS), ``error`` (a name in ``token_errors``) and ``status`` alone.
    """

    method: str
    status: int | None
    kind: str | None
    remaining: int | None
    delay: float
    account: str | None
    after: bool
    message: str | None
    retry_after: str | None
    error: str | None = None
    refusal: Refusal | None = None
    preset: str | None = None
    probability: float = 1.0
    since: float = 0.0
    until: float | None = None

    def as_json(self, now: float) -> dict[str, Any]:
        """As the control shows it; ``from`` and ``for`` in seconds from now."""
        return {
            "method": self.method,
            "status": self.status if self.refusal is None else self.refusal.status,
            "kind": self.kind,
            "error": self.error,
            "preset": self.preset,
            "refusal": None if self.refusal is None else asdict(self.refusal),
            "times": self.remaining,
            "delay_ms": round(self.delay * 1000),
            "account": self.account,
            "after": self.after,
            "probability": self.probability,
            "from": max(0.0, round(self.since - now, 3)),
            "for": None if self.until is None else max(0.0, round(self.until - max(now, self.since), 3)),
        }


class FaultBook:
    """The orders in force; the oldest that fits is used first. Chance comes from the seed."""

    def __init__(self, seed: int = 0) -> None:
        self.faults: list[Fault] = []
        self.chance = random.Random(f"faults/{seed}")

    def restart(self, seed: int) -> None:
        """No orders, and chance from the beginning."""
        self.faults.clear()
        self.chance = random.Random(f"faults/{seed}")

    def in_force(self, now: float) -> list[Fault]:
        """The orders whose time is not over."""
        self.faults = [each for each in self.faults if each.until is None or each.until > now]
        return self.faults

    def take(self, method: str, account: str, now: float) -> Fault | None:
        """The order for this request, used up by one; None if the request is to be answered normally."""
        if not self.faults:
            return None
        for fault in self.in_force(now):
            if not fnmatchcase(method, fault.method) or fault.account not in (None, account):
                continue
            if now < fault.since:
                continue
            if fault.probability < 1 and self.chance.random() >= fault.probability:
                continue
            if fault.remaining is not None:
                fault.remaining -= 1
                if fault.remaining <= 0:
                    self.faults.remove(fault)
            return fault
        return None


class Tally:
    """How many requests came, by method, account and answer."""

    def __init__(self) -> None:
        self.by_method: Counter[str] = Counter()
        self.by_account: Counter[str] = Counter()
        self.by_status: Counter[str] = Counter()

    def clear(self) -> None:
        """Start again from nothing."""
        for counter in (self.by_method, self.by_account, self.by_status):
            counter.clear()

    def as_json(self) -> dict[str, dict[str, int]]:
        """As the control shows it."""
        return {
            "by_method": dict(self.by_method),
            "by_account": dict(self.by_account),
            "by_status": dict(self.by_status),
        }
