"""Ordered misbehaviour and the count of requests."""

import random
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from simulator.errors import DEAD_GRANT, SHORT_LIVED, UNAUTHORISED

KINDS = ("timeout", "garbage", "truncated", "slow")

TOKEN_ERRORS: dict[str, tuple[int, dict[str, str]]] = {
    "invalid_grant": (400, {"error": "invalid_grant", "error_description": DEAD_GRANT}),
    "invalid_rapt": (
        400,
        {
            "error": "invalid_grant",
            "error_description": "reauth related error (invalid_rapt)",
            "error_subtype": "invalid_rapt",
        },
    ),
    "invalid_user": (400, {"error": "invalid_grant", "error_description": "Invalid email or User ID"}),
    "clock_skew": (400, {"error": "invalid_grant", "error_description": SHORT_LIVED}),
    "invalid_signature": (400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}),
    "unauthorized_client": (401, {"error": "unauthorized_client", "error_description": UNAUTHORISED}),
    "access_denied": (401, {"error": "access_denied", "error_description": "Access forbidden."}),
    "invalid_client": (
        401,
        {"error": "invalid_client", "error_description": "The OAuth client was not found."},
    ),
    "internal_failure": (500, {"error": "internal_failure", "error_description": "Backend Error"}),
}
"""Named refusals of the token endpoint: status and body (OAuth 2.0 for server-side and server-to-server applications)."""


@dataclass(slots=True)
class Fault:
    """One order: which requests, what happens to them, how often (None = until taken back), with what probability,
    and between which moments of world time (``until`` None = no end).
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
    probability: float = 1.0
    since: float = 0.0
    until: float | None = None

    def as_json(self, now: float) -> dict[str, Any]:
        """As the control shows it; ``from`` and ``for`` in seconds from now."""
        return {
            "method": self.method,
            "status": self.status,
            "kind": self.kind,
            "error": self.error,
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
