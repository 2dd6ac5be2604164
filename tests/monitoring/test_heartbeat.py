"""Heartbeats: of this process, and of real workers and schedulers that start, end and are killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from embedded import process
from meetadmin.monitoring import heartbeat
from spaces import broker
from tests.support import heartbeats


def listed() -> list[heartbeat.Process]:
    return list(heartbeat.processes(broker.link()))


def test_heartbeat_describes_its_process(settings):
    heartbeat.record("worker")
    (found,) = listed()
    assert (found.kind, found.pid, found.version, found.alive) == (
        "worker",
        os.getpid(),
        settings.VERSION,
        True,
    )
    assert found.host
    assert time.time() - found.started_at.timestamp() < 3600


def test_heartbeat_is_recorded_once_an_interval():
    heartbeat.record("worker")
    broker.link().delete(heartbeat._key("worker"))
    heartbeat.record("worker")
    assert listed() == []
    heartbeat._Self.recorded["worker"] -= heartbeat.INTERVAL
    heartbeat.record("worker")
    assert len(listed()) == 1


def test_heartbeat_without_redis_is_recorded_the_next_time(settings):
    there, settings.REDIS_URL = settings.REDIS_URL, "unix:///nowhere/valkey.sock?db=1"
    heartbeat.record("worker")
    settings.REDIS_URL = there
    heartbeat.record("worker")
    assert len(listed()) == 1


def test_heartbeat_is_removed_when_its_process_ends():
    heartbeat.record("worker")
    heartbeat._remove("worker", os.getpid() + 1)  # a forked child that ends is not the one that recorded it
    assert len(listed()) == 1
    heartbeat._remove("worker", os.getpid())
    assert listed() == []


@pytest.mark.parametrize(
    ("kind", "age", "known", "alive"),
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
def test_process_is_alive_then_gone_then_forgotten(kind, age, known, alive):
    heartbeats.record(kind, age=age)
    found = listed()
    assert bool(found) is known
    assert any(process.alive for process in found) is alive


@pytest.mark.parametrize(
    ("other", "known"),
    [
        ({}, True),  # no other process
        ({"pid": 2, "started": 30}, False),  # took its place
        ({"pid": 2, "started": 3600}, True),  # was running all the time
        ({"pid": 2, "started": 30, "host": "host-b"}, True),  # on another host
        ({"pid": 2, "started": 30, "kind": "beat"}, True),  # of another kind
        ({"pid": 2, "started": 55, "age": 52}, True),  # is gone, too
    ],
)
def test_gone_process_is_listed_until_another_has_taken_its_place(other, known):
    heartbeats.record(pid=1, age=60)
    if other:
        heartbeats.record(**other)
    assert (1 in [process.pid for process in listed()]) is known


@pytest.mark.parametrize("value", ["gibberish", '{"kind": "worker"}', "[]"])
def test_heartbeat_of_another_version_is_ignored(value):
    broker.link().set(f"{heartbeat.PREFIX}x", value, ex=900)
    broker.link().sadd(heartbeat.INDEX, f"{heartbeat.PREFIX}x")
    heartbeats.record()
    assert len(listed()) == 1


def test_expired_heartbeat_is_removed_from_the_index():
    """A process that crashes again and again, each time with another process id, must not fill Redis."""
    heartbeats.record(pid=1, age=heartbeat.KEPT)
    heartbeats.record(pid=2)
    assert [process.pid for process in listed()] == [2]
    assert broker.link().scard(heartbeat.INDEX) == 1


@pytest.fixture
def start(db: None, tmp_path: Path):
    """Start Celery processes as the installation does."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*words: str) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "celery", "-A", "meetadmin", *words]
        env = {**os.environ, "DJANGO_SETTINGS_MODULE": "meetadmin.settings"}
        started.append(process.start(argv, env=env, output=tmp_path / f"{len(started)}.log"))
        return started[-1]

    yield run
    for each in started:
        process.stop(each, seconds=10)


def wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def test_processes_are_told_apart(start):
    """One worker ends in order and is removed; one is killed, stays on the list and ages."""
    words = ("worker", "-P", "solo", "--without-gossip", "--without-mingle")
    first, second = start(*words, "-n", "one@%h"), start(*words, "-n", "two@%h")
    beat = start("beat")

    def pids() -> set[tuple[str, int]]:
        return {(found.kind, found.pid) for found in listed()}

    everything = {("worker", first.pid), ("worker", second.pid), ("beat", beat.pid)}
    wait(lambda: pids() == everything, "all three record heartbeats")
    first.send_signal(signal.SIGTERM)
    wait(lambda: pids() == everything - {("worker", first.pid)}, "the worker that ends is removed")
    second.kill()
    second.wait(10)

    def age() -> float:
        return next(found.age for found in listed() if found.pid == second.pid)

    before = age()
    wait(lambda: age() > before, "the killed one ages")


def children_of(worker: "subprocess.Popen[bytes]") -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()]


@pytest.mark.parametrize("whole", [False, True], ids=["its processes", "all of it"])
def test_frozen_worker_stops_reporting_and_comes_back(start, whole):
    """The scheduler goes on, and so does the worker's main process, which must not report for the processes that do the work."""
    worker = start("worker", "-c", "2", "--without-gossip", "--without-mingle")
    start("beat")
    wait(
        lambda: {found.kind for found in listed() if found.alive} == {"worker", "beat"},
        "both record heartbeats",
    )
    (before,) = (found for found in listed() if found.kind == "worker")
    assert before.pid == worker.pid, "its processes report as the worker"
    frozen = [*children_of(worker), *([worker.pid] if whole else [])]
    assert len(frozen) == 2 + whole
    try:
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        # Two heartbeats of the scheduler later, tasks have been sent and none was carried out.
        wait(lambda: ages()["worker"] > 2 * heartbeat.INTERVAL + 1, "it stops reporting")
        assert ages()["beat"] < 2 * heartbeat.INTERVAL
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    wait(lambda: ages()["worker"] < heartbeat.INTERVAL, "it works again")


def ages() -> dict[str, float]:
    return {found.kind: found.age for found in listed()}


def test_frozen_worker_is_reported_within_a_minute():
    assert max(heartbeat.OVERDUE_AFTER.values()) + heartbeat.INTERVAL < 60
