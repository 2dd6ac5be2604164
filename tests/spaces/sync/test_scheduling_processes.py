"""Looking after accounts with real processes: workers, timetables, SIGKILL and a Google that is away."""

import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import redis
from celery import Celery

from benchmarks.stage import Stage, stage
from embedded import process

# they share `place`, which takes seconds to make
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sweeps")]

EVERY = 2  # seconds between two looks at an account
RUN = "from spaces.access import SYSTEM; from spaces.sync import scheduling; scheduling.run(actor=SYSTEM)"
PARTICIPANTS = "conferenceRecords.participants.list"


@pytest.fixture(scope="module")
def place() -> Iterator[Stage]:
    """An installation of its own on SQLite, with a still Google of 24 rooms in which every call is ours to start."""
    with stage() as made:
        made.simulator(rooms=24)
        made.env |= {
            "DJANGO_SETTINGS_MODULE": "meetadmin.settings",
            "MEETADMIN_SWEEP_EVERY": str(EVERY),
            "MEETADMIN_GOOGLE_TIMEOUT": "2",
            "MEETADMIN_LOG_LEVEL": "INFO",
        }
        made.manage("seed_demo")
        yield made


@pytest.fixture(autouse=True)
def _well(place: Stage) -> Iterator[None]:
    """Google is well before and after each test, and nobody holds a turn."""
    yield
    place.control("faults", method="DELETE")
    redis.Redis.from_url(place.env["REDIS_URL"]).flushdb()
    ask(place, "UPDATE spaces_account SET lease_until = '2020-01-01', next_sweep_at = '2020-01-01'")


def ask(place: Stage, question: str) -> list[Any]:
    """Rows of the installation's database."""
    with closing(sqlite3.connect(place.folder / "db.sqlite3", timeout=20)) as link, link:
        return link.execute(question).fetchall()


def wait_until(check: Callable[[], Any], *, seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.1)
    return found


@contextmanager
def running(place: Stage, *children: tuple[str, list[str]]) -> Iterator[None]:
    """These processes, stopped afterwards."""
    with ExitStack() as stack:
        for name, argv in children:
            child = process.start(argv, env=place.env, output=place.folder / f"{name}.log")
            stack.callback(process.stop, child, seconds=15)
        yield


CELERY = [sys.executable, "-m", "celery", "-A", "meetadmin"]
WORKER = (
    "worker",
    [*CELERY, "worker", "-c", "2", "--loglevel", "INFO", "--without-gossip", "--without-mingle"],
)


def beat(place: Stage, number: int) -> tuple[str, list[str]]:
    """A timetable that knows of no other one (RedBeat's lock would keep it from ticking)."""
    return f"beat{number}", [*CELERY, "beat", "-s", str(place.folder / f"beat{number}.schedule")]


def ages(place: Stage) -> dict[str, float]:
    """Seconds since the oldest state of each account's rooms."""
    rows = ask(
        place,
        "SELECT a.email, min(s.seen_at) FROM spaces_space s JOIN spaces_account a ON a.id = s.account_id WHERE s.owned GROUP BY 1",
    )
    now = datetime.now(UTC)
    return {
        email: (now - datetime.fromisoformat(seen).replace(tzinfo=UTC)).total_seconds()
        for email, seen in rows
    }


def start_calls(place: Stage, number: int) -> list[str]:
    """So many calls in one mailbox's idle spaces; the names of their records."""
    world = place.control("world")
    busy = {one["space"] for one in world["conferences"] if one["endTime"] is None}
    mailbox = world["accounts"][0]["email"]
    idle = [one["name"] for one in world["spaces"] if one["owner"] == mailbox and one["name"] not in busy]
    assert len(idle) >= number
    body = {"participants": [{"guest": "A"}, {"guest": "B"}], "started_seconds_ago": 60}
    return [place.control("conferences", {"space": name, **body})["name"] for name in idle[:number]]


def test_a_sweep_killed_half_way_leaves_nothing_half_done_and_the_next_one_heals_it(place):
    records = start_calls(place, 6)
    place.control("faults", {"method": PARTICIPANTS, "kind": "slow", "delay_ms": 700, "times": 0})
    place.control("requests", method="DELETE")
    child = process.start(
        [sys.executable, "manage.py", "shell", "-c", RUN], env=place.env, output=place.folder / "sweep.log"
    )
    counted = "SELECT count(*) FROM spaces_conference WHERE counted_at IS NOT NULL AND ended_at IS NULL"
    already = ask(place, counted)[0][0]
    wait_until(lambda: already < ask(place, counted)[0][0])
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    assert ask(place, counted)[0][0] < already + len(records), "it was to be killed half-way"

    def holes() -> dict[str, int]:
        """What must never be: each as a number of rows."""
        questions = {
            "live without a call": "SELECT count(*) FROM spaces_space WHERE liveness = 'active' AND conference_id IS NULL",
            "idle with a call": "SELECT count(*) FROM spaces_space WHERE liveness = 'idle' AND conference_id IS NOT NULL",
            "open calls nobody shows": "SELECT count(*) FROM spaces_conference c WHERE ended_at IS NULL AND NOT EXISTS "
            "(SELECT 1 FROM spaces_space s WHERE s.conference_id = c.id)",
            "counts without names": "SELECT count(*) FROM spaces_conference c WHERE guests > 0 AND ended_at IS NULL AND NOT EXISTS "
            "(SELECT 1 FROM spaces_participant p WHERE p.conference_id = c.id)",
        }
        return {
            name: number for name, question in questions.items() if (number := ask(place, question)[0][0])
        }

    assert holes() == {}
    place.control("faults", method="DELETE")
    # Nobody gives its turn back; it ends by itself, within seconds.
    [(held,)] = ask(place, "SELECT max(lease_until) FROM spaces_account")
    assert datetime.fromisoformat(held).replace(tzinfo=UTC).timestamp() < time.time() + 15
    assert 0 < redis.Redis.from_url(place.env["REDIS_URL"]).ttl(next(iter(round_keys(place)))) <= 15
    redis.Redis.from_url(place.env["REDIS_URL"]).flushdb()
    ask(place, "UPDATE spaces_account SET lease_until = '2020-01-01'")
    place.manage("shell", "-c", RUN)
    assert holes() == {}
    known = ask(place, "SELECT record, guests FROM spaces_conference WHERE ended_at IS NULL")
    assert {(record, 2) for record in records} <= set(known)
    assert max(ages(place).values()) < 30


def round_keys(place: Stage) -> list[bytes]:
    return [bytes(key) for key in redis.Redis.from_url(place.env["REDIS_URL"]).scan_iter("*sweeps:round")]


def is_done_beside_a_round(place: Stage) -> bool:
    """Whether a task that people wait for is done while the same round is still running."""
    path = place.env["REDIS_URL"].removeprefix("unix://").partition("?")[0]
    link = redis.Redis.from_url(place.env["REDIS_URL"])
    [key] = wait_until(lambda: round_keys(place))
    holder = link.get(key)
    # Not the process's current app: the tests that come later would send their tasks to this broker, too.
    with Celery(broker=f"redis+socket://{path}?virtual_host=1", set_as_current=False) as sender:
        order = sender.send_task("spaces.tasks.settle_ending", kwargs={"room_id": 0})
    done = f"settle_ending[{order.id}] succeeded"
    wait_until(lambda: done in (place.folder / "worker.log").read_text())
    return holder is not None and link.get(key) == holder


def oldest(place: Stage, accounts: list[str]) -> str:
    """When the state of these accounts' rooms was read, of the room that waited longest."""
    listed = ", ".join(f"'{email}'" for email in accounts)
    question = "SELECT min(s.seen_at) FROM spaces_space s JOIN spaces_account a ON a.id = s.account_id WHERE s.owned AND a.email IN"
    return str(ask(place, f"{question} ({listed})")[0][0])


def is_newer(place: Stage, accounts: list[str], than: str) -> bool:
    return oldest(place, accounts) > than


def test_an_account_that_never_answers_holds_up_neither_other_accounts_nor_clicks(place):
    """Two schedulers, started by mistake, tick twice as often, and yet each account has its turn once."""
    mailboxes = [account["email"] for account in place.control("world")["accounts"]]
    silent, others = mailboxes[0], mailboxes[1:]
    place.control(
        "faults", {"method": "*", "kind": "timeout", "delay_ms": 5000, "account": silent, "times": 0}
    )
    with running(place, WORKER, beat(place, 1), beat(place, 2)):
        first = oldest(place, others)
        wait_until(lambda: oldest(place, others) > first)
        place.control("requests", method="DELETE")
        began, silent_since = time.monotonic(), oldest(place, [silent])
        for _ in range(3):
            wait_until(partial(is_newer, place, others, oldest(place, others)))
        assert oldest(place, [silent]) == silent_since
        seconds = time.monotonic() - began
        by_account = place.control("requests")["by_account"]
        wait_until(lambda: is_done_beside_a_round(place), seconds=60)
    turns = 1.5 * seconds / EVERY + 1  # each scheduler's own turns would be twice the interval's
    live = ask(place, "SELECT a.email, live_calls FROM spaces_account a")
    for email, calls in live:
        if email in others:
            # one list and each call counted once, or twice when somebody moved, in a turn
            assert by_account.get(email, 0) <= turns * (1 + 2 * calls), email
    troubles = dict(ask(place, "SELECT email, problem FROM spaces_account WHERE fail_count > 0"))
    assert "in time" in troubles[silent]


def test_all_accounts_recover_after_an_outage_without_exceeding_the_quota(place):
    [record] = start_calls(place, 1)
    place.control("requests", method="DELETE")
    with running(place, WORKER, beat(place, 1)):
        wait_until(lambda: (record,) in ask(place, "SELECT record FROM spaces_conference"))
        wait_until(lambda: max(ages(place).values()) < EVERY + 3)
        known = ask(place, "SELECT name, liveness, conference_id FROM spaces_space ORDER BY name")
        assert {liveness for _, liveness, _ in known} >= {"active", "idle"}
        place.control("faults", {"method": "*", "status": 503, "times": 0})
        wait_until(lambda: ask(place, "SELECT min(fail_count) FROM spaces_account")[0][0] >= 2)
        wait_until(lambda: min(ages(place).values()) > EVERY)
        assert known == ask(place, "SELECT name, liveness, conference_id FROM spaces_space ORDER BY name")
        place.control("faults", method="DELETE")
        back = time.monotonic()
        wait_until(lambda: max(ages(place).values()) < time.monotonic() - back)
        well = [("", None, 0)]
        wait_until(
            lambda: ask(place, "SELECT DISTINCT problem, open_until, fail_count FROM spaces_account") == well
        )
    by_status = place.control("requests")["by_status"]
    assert by_status["503"] > 0
    assert "429" not in by_status, json.dumps(by_status)
