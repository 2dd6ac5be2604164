"""Ordered misbehaviour and the count of requests."""

from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

KINDS = ("timeout", "garbage", "truncated", "slow")


@dataclass(slots=True)
class Fault:
    """One order: which requests, what happens to them, how often (None = until taken back)."""

    method: str
    status: int | None
    kind: str | None
    remaining: int | None
    delay: float
    account: str | None
    after: bool
    message: str | None
    retry_after: str | None

    def as_json(self) -> dict[str, Any]:
        """As the control shows it."""
        return {
            "method": self.method,
            "status": self.status,
            "kind": self.kind,
            "times": self.remaining,
            "delay_ms": round(self.delay * 1000),
            "account": self.account,
            "after": self.after,
        }


class FaultBook:
    """The orders in force; the oldest that fits is used first."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def take(self, method: str, account: str) -> Fault | None:
        """The order for this request, used up by one; None if the request is to be answered normally."""
        for fault in self.faults:
            if not fnmatchcase(method, fault.method) or fault.account not in (None, account):
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
