"""Redis that hangs, is gone and comes back; what only one process may have at a time."""

import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache, caches
from kombu.exceptions import OperationalError
from redis.exceptions import LockError, RedisError

from embedded import broker as embedded_broker
from embedded.process import ROOT
from meetadmin.celery import WORKERS_PATIENCE, app
from meetadmin.monitoring import health
from spaces import broker, live, meet, tasks


@pytest.fixture
def own(tmp_path: Path, settings: Any) -> Iterator[embedded_broker.Broker]:
    """A Valkey that a test may stop, as the installation's."""
    with embedded_broker.start(tmp_path / "broker") as server:
        settings.REDIS_URL = server.url()
        settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": server.url()}}
        yield server
        server.process.send_signal(signal.SIGCONT)


def everything_that_a_page_asks() -> None:
    """All ways in which a view reaches Redis, each told that it is away."""
    assert not health.report().broker
    assert live.version() is None
    assert not meet.quota().used().shared
    with pytest.raises(RedisError):
        caches["default"].get("x")
    with pytest.raises(RedisError):
        broker.link().ping()
    with pytest.raises(OperationalError):
        tasks.order(tasks.settle_ending, room_id=0, expires=60)
    live.rooms_changed([1])


def until_it_is_back() -> None:
    deadline = time.monotonic() + 5
    while broker.presence().away:
        assert time.monotonic() < deadline, "Nobody noticed that Redis is back."
        time.sleep(0.01)


@pytest.mark.parametrize("connected", [True, False])
def test_one_that_hangs_costs_a_process_one_timeout(own, transactional_db, connected):
    if connected:
        assert broker.link().ping()
    own.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    everything_that_a_page_asks()
    everything_that_a_page_asks()
    assert time.monotonic() - began < broker.TIMEOUT + 0.5
    own.process.send_signal(signal.SIGCONT)
    until_it_is_back()
    assert broker.link().ping()
    assert caches["default"].get("x") is None
    assert health.report().broker


def test_one_that_was_started_anew_is_asked_again(own, transactional_db):
    assert broker.link().ping()
    own.process.kill()
    own.process.wait(10)
    everything_that_a_page_asks()
    with embedded_broker.start(own.folder):
        until_it_is_back()
        assert broker.link().ping()


def test_an_idle_connection_that_was_closed_is_no_trouble(own):
    broker.link().client_kill_filter(_type="normal", skipme=False)
    assert broker.link().ping()
    assert not broker.presence().away


def test_a_forked_process_finds_out_for_itself():
    """A worker's children are forked: the thread that looks for Redis stays behind."""
    program = (
        "import os; from spaces.broker import _presence; here = _presence('redis://127.0.0.1:1'); here.lost(); "
        "child = os.fork() or os._exit(here.away); assert here.away; assert os.waitpid(child, 0)[1] == 0"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], cwd=ROOT, check=True, timeout=20)


def test_an_order_to_a_broker_that_hangs_is_given_up_soon():
    """By itself, without anybody having found out before. Workers wait for longer."""
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        began = time.monotonic()
        address = f"redis://127.0.0.1:{hanging.getsockname()[1]}/0"
        with app.connection_for_write(address) as connection, pytest.raises(OperationalError):
            app.send_task("spaces.tasks.settle_ending", connection=connection, retry=False)
        assert time.monotonic() - began < 3
    assert WORKERS_PATIENCE["socket_timeout"] > app.conf.broker_transport_options["socket_timeout"]


@pytest.fixture
def locks():
    """The same lock as two processes see it."""
    return tuple(broker.lock("test:lock", seconds=30) for _ in range(2))


def test_lock_is_held_by_one_process_until_released(locks):
    ours, other = locks
    assert ours.acquire()
    assert not other.acquire()
    broker.link().expire(ours.name, 5)
    assert broker.renew(ours)
    assert 25 < broker.link().ttl(ours.name) <= 30
    ours.release()
    assert other.acquire()


def test_lock_is_not_renewed_when_another_process_has_taken_over(locks):
    ours, other = locks
    assert ours.acquire()
    broker.link().delete(ours.name)  # it expired
    assert other.acquire()
    assert not broker.renew(ours)
    with pytest.raises(LockError):
        ours.release()
    assert broker.renew(other)
    assert not ours.acquire()


def test_lock_is_renewed_when_redis_has_lost_it(locks):
    ours, other = locks
    assert ours.acquire()
    broker.link().delete(ours.name)
    assert broker.renew(ours)
    assert not other.acquire()
    ours.release()
    assert other.acquire()


class Planted:
    """A pickle of this writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (Path.touch, (self.path,))  # type: ignore[return-value]


def test_cache_never_loads_a_pickle(tmp_path):
    trap = tmp_path / "loaded"
    planted = pickle.dumps(Planted(trap))
    broker.link().set(cache.make_key("planted"), planted)
    assert cache.get("planted") is None
    assert not trap.exists()
    pickle.loads(planted)  # noqa: S301 - shows that the trap works
    assert trap.exists()


@pytest.mark.parametrize("value", [7, 1.5, "word", True, None, [1, "two"], {"key": "value"}])
def test_cache_returns_what_was_stored(value):
    cache.set("stored", value)
    assert cache.get("stored", "missing") == value


def test_nothing_is_serialised_with_pickle(settings):
    assert settings.CACHES["default"]["OPTIONS"]["serializer"] == "spaces.broker.JSONSerializer"
    assert settings.SESSION_SERIALIZER == "django.contrib.sessions.serializers.JSONSerializer"
    assert settings.CELERY_ACCEPT_CONTENT == ["json"]
