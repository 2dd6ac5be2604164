"""What all tests share: the cast, Google (a simulator in a process of its own) and a browser-like client."""

from tests.support import environment

# isort: split
import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone, translation
from hypothesis import settings as hypothesis

from embedded import broker, process
from meetadmin.monitoring import health, heartbeat, status
from spaces import broker as redis_link
from spaces import live, meet
from spaces.google import credentials
from spaces.models import Person, Role
from spaces.views import live as live_pages
from tests import factories
from tests.support import database
from tests.support.simulator import SimulatorProcess

# `make test-fast` asks for it: enough examples to find a broken rule, too few to find a rare one.
hypothesis.register_profile("fast", max_examples=15, deadline=None)


def pytest_itemcollected(item: pytest.Item) -> None:
    """All stories go to one worker (`--dist loadgroup`), so that the whole product is started once. Said here, because xdist reads
    the groups before it asks this file to sort."""
    if "journey" in item.keywords:
        item.add_marker(pytest.mark.xdist_group("stories"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What has to stay together takes longest and waits most: begun last, it would keep one core idle at the end. And what asks
    for no database says nothing about another one."""
    items.sort(key=lambda item: "xdist_group" not in item.keywords)
    if connection.vendor != "sqlite":
        blind = [item for item in items if not asks_for_database(item)]
        config.hook.pytest_deselected(items=blind)
        items[:] = [item for item in items if asks_for_database(item)]


def pytest_collection_finish() -> None:
    """What is there by now stays to the end: the collector need not look through it again with every page that is made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def asks_for_database(item: pytest.Item) -> bool:
    """Whether pytest-django lets it have one."""
    fixtures = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("django_db") is not None or not fixtures.isdisjoint(
        {"db", "transactional_db"}
    )


@pytest.fixture(scope="session", autouse=True)
def redis_server() -> Iterator[None]:
    """A real Valkey on a socket of its own: cache, heartbeats, and the queue where a test runs a worker."""
    with broker.start(environment.BROKER_FOLDER):
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Create tables without migrations where a migrated database is at hand."""
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["MIGRATE"] = not database.snapshot().exists()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Load the migrated database, or keep the one that has just been migrated."""
    if connection.vendor != "sqlite":
        return
    with django_db_blocker.unblock():
        if connection.settings_dict["TEST"]["MIGRATE"]:
            database.save(database.snapshot())
        else:
            database.load(database.snapshot())


@pytest.fixture(autouse=True)
def _in_english() -> None:
    """A request leaves its language and its time zone in the thread; a server's next request brings its own, a test's does not."""
    translation.deactivate()
    timezone.deactivate()


@pytest.fixture(autouse=True)
def _nothing_kept(redis_server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process remembers, and what Redis holds for it (all of it: the cache is emptied by FLUSHDB), is none of the next
    test's business: on SQLite its rooms and people have the same numbers."""
    process.wait_until(
        lambda: not redis_link.presence().away, seconds=10, what="Redis"
    )  # it was away a moment ago
    cache.clear()
    monkeypatch.setattr(health, "MAX_REPORT_AGE", 0)
    monkeypatch.setattr(live_pages, "SHELF", live_pages.Shelf(most=live_pages.SHELF.most))
    live._Outbox.missed = False  # Redis was away, and something could not be told
    heartbeat._Self.recorded.clear()
    status._Share.at = -status.MAX_SHARE_AGE
    meet._keys.cache_clear()  # Google's keys could not be had a moment ago
    forget_clients()
    factories.begin_anew()


@pytest.fixture(scope="session")
def simulator_process() -> Iterator[SimulatorProcess]:
    """The simulator's process; tests use `google`, which is put back to the seed."""
    with SimulatorProcess(port=environment.SIMULATOR_PORT) as process:
        yield process


def forget_clients() -> None:
    """A reset Google knows none of the tokens it gave; a kept client would spend a refused request on finding out."""
    meet._idle.clear()
    credentials._delegates.clear()


@pytest.fixture
def google(simulator_process: SimulatorProcess, settings: Any) -> SimulatorProcess:
    """A still Google with 24 rooms, fresh from the seed, that knows our service account."""
    simulator_process.reset()
    settings.GOOGLE_SERVICE_ACCOUNT = simulator_process.control("GET", "service-account")
    return simulator_process


@pytest.fixture
def admin(db: None) -> Person:
    """IT staff."""
    return factories.make_person("it-admin@example.com", role=Role.ADMIN)


@pytest.fixture
def helpdesk(db: None) -> Person:
    """Looks things up."""
    return factories.make_person("helpdesk@example.com", role=Role.HELPDESK)


@pytest.fixture
def owner(db: None) -> Person:
    """Owns what a test gives them."""
    return factories.make_person("room-owner@example.com")


@pytest.fixture
def participant(db: None) -> Person:
    """Sits in calls of other people's rooms."""
    return factories.make_person("participant@example.com")


@pytest.fixture
def colleague(db: None) -> Person:
    """Signed in, and nothing to any room."""
    return factories.make_person("colleague@example.com")


class Browser(Client):
    """Django's test client, signed in as one person, holding a rule of the house: a GET writes nothing but its session."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """GET, and fail when it wrote to the database."""
        writes: list[str] = []

        def watch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
            if (
                sql.lstrip().split(" ", 1)[0].upper() in {"INSERT", "UPDATE", "DELETE"}
                and "django_session" not in sql
            ):
                writes.append(sql)
            return execute(sql, params, many, context)

        with connection.execute_wrapper(watch):
            response = super().get(*args, **kwargs)
        assert not writes, f"A GET wrote to the database: {writes}"
        return response


@pytest.fixture
def sign_in(db: None) -> Callable[[Person], Browser]:
    """A client signed in as somebody."""

    def signed_in(person: Person) -> Browser:
        browser = Browser()
        browser.force_login(person)
        return browser

    return signed_in
