"""Signs of life: of this process, and of real workers and timetables that come, go and are killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from embedded import process
from spaces import broker, pulse
from tests.support.signs import sign


def seen() -> list[pulse.Process]:
    return list(pulse.processes(broker.link()))


def test_a_process_says_who_it_is(settings):
    pulse.beats("worker")
    (one,) = seen()
    assert (one.kind, one.pid, one.version, one.alive) == ("worker", os.getpid(), settings.VERSION, True)
    assert one.host
    assert time.time() - one.started_at.timestamp() < 3600


def test_it_says_so_every_few_seconds_only():
    pulse.beats("worker")
    broker.link().delete(pulse._KEY)
    pulse.beats("worker")
    assert seen() == []
    pulse._Self.last["worker"] -= pulse.EVERY
    pulse.beats("worker")
    assert len(seen()) == 1


def test_without_redis_it_goes_on_and_tries_again_with_the_next_turn(settings):
    there, settings.REDIS_URL = settings.REDIS_URL, "unix:///nowhere/valkey.sock?db=1"
    pulse.beats("worker")
    settings.REDIS_URL = there
    pulse.beats("worker")
    assert len(seen()) == 1


def test_who_ends_takes_itself_off_the_list():
    pulse.beats("worker")
    pulse._ends("worker", os.getpid() + 1)  # a forked child that ends is not the one that spoke
    assert len(seen()) == 1
    pulse._ends("worker", os.getpid())
    assert seen() == []


@pytest.mark.parametrize(
    ("kind", "silent", "listed", "alive"),
    [
        ("beat", 0, True, True),
        ("beat", 13, True, True),
        ("beat", 16, True, False),
        ("worker", 48, True, True),
        ("worker", 51, True, False),
        ("worker", 880, True, False),
        ("worker", 910, False, False),
    ],
)
def test_alive_silent_forgotten(kind, silent, listed, alive):
    sign(kind, silent=silent)
    found = seen()
    assert bool(found) is listed
    assert any(one.alive for one in found) is alive


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({}, True),  # nobody else
        ({"pid": 2, "started": 30}, False),  # took its place
        ({"pid": 2, "started": 3600}, True),  # was there all the time
        ({"pid": 2, "started": 30, "host": "host-b"}, True),  # elsewhere
        ({"pid": 2, "started": 30, "kind": "beat"}, True),  # does something else
        ({"pid": 2, "started": 55, "silent": 52}, True),  # died as well
    ],
)
def test_a_dead_process_is_told_until_another_has_taken_its_place(other, told):
    sign(pid=1, silent=60)
    if other:
        sign(**other)
    assert (1 in [one.pid for one in seen()]) is told


def test_what_another_version_wrote_is_passed_over():
    broker.link().hset(pulse._KEY, "worker:x:1", "gibberish")
    broker.link().hset(pulse._KEY, "worker:x:2", '5 {"kind": "worker"}')
    sign()
    assert len(seen()) == 1


@pytest.fixture
def start(db: None, tmp_path: Path):
    """Starts a Celery process as the installation does."""
    started: list[subprocess.Popen[bytes]] = []

    def one(*words: str) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "celery", "-A", "meetadmin", *words]
        env = {**os.environ, "DJANGO_SETTINGS_MODULE": "meetadmin.settings"}
        started.append(process.start(argv, env=env, output=tmp_path / f"{len(started)}.log"))
        return started[-1]

    yield one
    for each in started:
        process.stop(each, seconds=10)


def wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def test_two_workers_and_a_timetable_are_told_apart(start):
    """One worker is asked to end and is gone at once; one is killed, stays on the list and grows old there."""
    words = ("worker", "-P", "solo", "--without-gossip", "--without-mingle")
    first, second = start(*words, "-n", "one@%h"), start(*words, "-n", "two@%h")
    beat = start("beat")

    def pids() -> set[tuple[str, int]]:
        return {(one.kind, one.pid) for one in seen()}

    everybody = {("worker", first.pid), ("worker", second.pid), ("beat", beat.pid)}
    wait(lambda: pids() == everybody, "all three give signs")
    first.send_signal(signal.SIGTERM)
    wait(lambda: pids() == everybody - {("worker", first.pid)}, "who is asked to end says so")
    second.kill()
    second.wait(10)
    said = next(one.age for one in seen() if one.pid == second.pid)
    wait(lambda: next(one.age for one in seen() if one.pid == second.pid) > said, "the dead grow old")


def children_of(worker: "subprocess.Popen[bytes]") -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()]


@pytest.mark.parametrize("whole", [False, True], ids=["its processes", "all of it"])
def test_worker_that_is_frozen_falls_silent_and_comes_back(start, whole):
    """The timetable goes on, and so does the worker's main process: it must not speak for those that do the work."""
    worker = start("worker", "-c", "2", "--without-gossip", "--without-mingle")
    start("beat")
    wait(lambda: {one.kind for one in seen() if one.alive} == {"worker", "beat"}, "both give signs")
    (before,) = (one for one in seen() if one.kind == "worker")
    assert before.pid == worker.pid, "its processes speak in its name"
    frozen = [*children_of(worker), *([worker.pid] if whole else [])]
    assert len(frozen) == 2 + whole
    try:
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        # Two signs of the timetable later, tasks have been sent and nobody has carried one out.
        wait(lambda: ages()["worker"] > 2 * pulse.EVERY + 1, "it falls silent")
        assert ages()["beat"] < 2 * pulse.EVERY
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    wait(lambda: ages()["worker"] < pulse.EVERY, "it works again")


def ages() -> dict[str, float]:
    return {one.kind: one.age for one in seen()}


def test_frozen_worker_is_reported_within_a_minute():
    assert max(pulse.SILENT_AFTER.values()) + pulse.EVERY < 60


def test_those_that_died_long_ago_are_thrown_out():
    """A process that dies again and again, each time under another number, fills nothing."""
    link = broker.link()
    now = int(link.time()[0])
    long_ago, lately = int(now - pulse.FORGOTTEN_AFTER - 5), int(now - pulse.FORGOTTEN_AFTER + 60)
    link.hset(pulse._KEY, mapping={"worker:a:1": f"{long_ago} {{}}", "worker:a:2": f"{lately} {{}}"})
    pulse.beats("worker")
    assert set(link.hkeys(pulse._KEY)) == {b"worker:a:2", pulse._name("worker").encode()}
