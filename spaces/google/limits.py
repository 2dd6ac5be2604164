"""Limits of calls to Google, and the buckets that keep them (see `spaces.google.quota`)."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

Kind = Literal["read", "write", "create"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
PROJECT: Final = "project"
"""The scope that is no account (whose addresses have an @)."""

AT_ONCE: Final[dict[Kind, float]] = {"read": 0.1, "write": 0.15, "create": 0.3}
"""The share of a limit that may be used at once. Reads come from sweeps and want an even flow, people write in bursts."""
SLOTS = 6  # the meter counts in sixths of a minute


@dataclass(frozen=True, slots=True)
class Bucket:
    """`limit` calls in any period (a minute), of which the share `at_once` may come in one go.

    Raises ValueError for a limit below 3, which leaves nothing to refill with.
    """

    limit: int
    at_once: float

    def __post_init__(self) -> None:
        if self.limit < 3:
            raise ValueError(
                f"A limit of {self.limit} calls a minute is too small to work with; 3 is the least."
            )

    @property
    def burst(self) -> float:
        """Calls at once."""
        return max(1.0, self.limit * self.at_once)

    @property
    def rate(self) -> float:
        """Calls a period by refilling."""
        return self.limit - 2 * self.burst


@dataclass(frozen=True, slots=True)
class Limits:
    """Calls a minute by class, for the project and for each account. The defaults are Google's (Meet REST guide,
    "Usage limits"). Raises ValueError for limits below 3."""

    read_project: int = 6000
    read_account: int = 600
    write_project: int = 1000
    write_account: int = 100
    create_project: int = 100
    create_account: int = 10

    def __post_init__(self) -> None:
        for kind in KINDS:
            self.project(kind), self.account(kind)

    def project(self, kind: Kind) -> Bucket:
        """The bucket that all accounts share."""
        return Bucket(getattr(self, f"{kind}_project"), AT_ONCE[kind])

    def account(self, kind: Kind) -> Bucket:
        """The bucket that each account has to itself."""
        return Bucket(getattr(self, f"{kind}_account"), AT_ONCE[kind])


@dataclass(frozen=True, slots=True)
class Flow:
    """A bucket as it is asked for: its name, seconds for one call to refill, calls at once."""

    name: str
    each: float
    burst: float
