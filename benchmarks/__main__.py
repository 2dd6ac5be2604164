"""`python -m benchmarks [PART ...]`: measure and print tables; without a name all parts that take minutes, one after the other."""

import os
import signal
import sys
from collections.abc import Callable

from benchmarks.stage import say, stage
from embedded.process import Problem


def overview() -> None:
    """The overview and the lookup at 10,000 rooms beside Django admin's list."""
    with stage() as place:
        place.measure("overview")


def lookup() -> None:
    """Each kind of text that is looked up at 10,000 rooms, over HTTP."""
    with stage() as place:
        place.measure("lookup")


def sweeps(*names: str) -> None:
    """`growth`: how a sweep grows with the number of rooms. `sweep`: one of 10,000 rooms beside one call a room. Filling Google's
    side takes longest, so both use one world."""
    with stage() as place:
        place.simulator(rooms=240)
        place.measure("sweep", *names)


def changes() -> None:
    """From the start of a call to its row in an open page: by sweeps, then with events pushed."""
    for pushed in (False, True):
        with stage() as place:
            place.simulator(rooms=120)
            if pushed:
                place.push()
            place.manage("prepare")
            place.manage("seed_demo")
            place.measure("changes", *(["push"] if pushed else []))


def dashboards() -> None:
    """Two hundred open overviews."""
    with stage() as place:
        place.measure("dashboards")


def fairness() -> None:
    """What one owner's 48 refreshes do to everybody else while Google is slow."""
    with stage() as place:
        place.simulator(rooms=240)
        place.manage("prepare")
        place.manage("seed_demo")
        place.measure("fairness")


def clients() -> None:
    """One call to Google through three clients."""
    with stage() as place:
        place.simulator(rooms=10)
        place.control("quotas", {"on": False})  # one person asks far more often than Google lets them
        world = place.control("world")
        place.measure("clients", world["spaces"][0]["owner"], world["spaces"][0]["name"])


def outage() -> None:
    """Google is away for so many seconds (OUTAGE, by default ten minutes), and comes back."""
    seconds = os.environ.get("OUTAGE") or "600"
    if not seconds.isdecimal() or int(seconds) < 120:
        raise Problem(
            f"OUTAGE is {seconds!r}; write seconds, 120 at least: earlier no page has to say anything."
        )
    with stage() as place:
        place.env["MEETADMIN_SWEEP_EVERY"] = "30"  # as with the real Google
        place.simulator(rooms=240)
        place.measure("outage", seconds)


PARTS: dict[str, Callable[[], None]] = {
    "overview": overview,
    "lookup": lookup,
    "growth": lambda: sweeps("growth"),
    "sweep": lambda: sweeps("sweep"),
    "changes": changes,
    "dashboards": dashboards,
    "fairness": fairness,
    "clients": clients,
    "outage": outage,
}
LONG = {"outage"}
"""Parts that only run when they are named."""


def main(names: list[str]) -> int:
    """Measure the named parts; the exit code says whether all could be measured."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        say(f"Usage: python -m benchmarks [{' | '.join(PARTS)}] ...")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leave by the way that stops what was started
    try:
        chosen = names or [name for name in PARTS if name not in LONG]
        together = {"growth", "sweep"} <= set(chosen)
        for name in chosen:
            if not together or name not in {"growth", "sweep"}:
                PARTS[name]()
        if together:
            sweeps("growth", "sweep")
    except Problem as problem:
        print(problem, file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
