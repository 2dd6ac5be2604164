"""All figures about the installation itself, shared by the system page and /metrics. Nothing here calls Google or writes."""

import json
import sqlite3
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Count, F, Min, Q
from redis.exceptions import RedisError

from meetadmin.monitoring import health
from meetadmin.monitoring.health import Health, Level
from spaces import broker, meet
from spaces.google import credentials
from spaces.google.limits import PROJECT
from spaces.google.quota import Meter, Reading
from spaces.models import Account, Room, ScopeCheck, Space, Subscription

# The values from which a figure is a warning, and from which it is critical.
QUOTA = (70.0, 90.0)  # per cent of a limit, in the last minute
OLDEST_FACT = (120.0, 600.0)  # seconds
OLDEST_FACT_WITH_EVENTS = (300.0, 600.0)  # Google reports changes by itself and is asked less often
WAITING = (50, 500)  # tasks in the queue
OLDEST_TASK = (15.0, 60.0)  # seconds in the queue

MAX_SHARE_AGE = 5.0
"""Seconds for which a process keeps the share of the quota that is used: every page shows it."""


def level(value: float | None, limits: tuple[float, float]) -> Level:
    """Return how this value is rated against its limits."""
    if value is None:
        return "unknown"
    warning, critical = limits
    return "critical" if value >= critical else "warning" if value >= warning else "ok"


def worst(levels: list[Level]) -> Level:
    """Return the worst of these levels; off without any."""
    return max(levels, key=("off", "unknown", "ok", "warning", "critical").index, default="off")


@dataclass(frozen=True, slots=True)
class Ages:
    """The number of rooms by the age of their state. `covered` are those that can be synced; the others have no link, or belong to an
    account that is broken or does not own them."""

    within_minute: int
    within_five: int
    older: int
    never: int
    others: int
    oldest_at: datetime | None

    @property
    def covered(self) -> int:
        """Return how many rooms can be synced."""
        return self.within_minute + self.within_five + self.older + self.never


@dataclass(frozen=True, slots=True)
class Scope:
    """One permission of an account. `works` is None until it was tried; `at`: when it was tried last."""

    name: str
    works: bool | None
    problem: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """One account with everything that is known about its state."""

    account: Account
    rooms: int
    circuit: Account.Circuit
    overdue: bool
    scopes: tuple[Scope, ...]
    readings: tuple[Reading, ...]
    subscription: Subscription | None

    @property
    def level(self) -> Level:
        """Return its overall level."""
        if self.account.status == Account.Status.BROKEN:
            return "critical"
        if not self.rooms:
            return "off"
        if self.overdue or self.circuit != Account.Circuit.CLOSED or self.account.problem:
            return "warning"
        return "unknown" if self.account.status == Account.Status.UNTESTED else "ok"


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue in Redis: how many tasks wait for a worker, and for how many seconds the oldest has (None: unknown or none waits)."""

    name: str
    waiting: int
    oldest: float | None


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """The Redis server. Memory in bytes; `limit` 0: none. `running`: tasks that workers have taken and not finished."""

    version: str
    memory: int
    limit: int
    policy: str
    running: int
    queues: tuple[Queue, ...]

    @property
    def fullness(self) -> float | None:
        """Return the percentage of its memory limit that is used; None without a limit."""
        return 100 * self.memory / self.limit if self.limit else None

    @property
    def evicts(self) -> bool:
        """Return whether it deletes entries, also of the queue, when it is full."""
        return self.policy != "noeviction"

    @property
    def waiting(self) -> int:
        """Return the number of tasks in all queues."""
        return sum(queue.waiting for queue in self.queues)

    @property
    def oldest(self) -> float | None:
        """Return for how many seconds the oldest of them has waited."""
        return max((queue.oldest for queue in self.queues if queue.oldest is not None), default=None)


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """Kind and version, size in bytes, number of applied migrations and names of missing ones."""

    kind: str
    version: str
    size: int
    applied: int
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """The whole installation at one moment."""

    health: Health
    meter: Meter
    ages: Ages
    oldest_room: Room | None
    accounts: tuple[AccountStatus, ...]
    redis: RedisFacts | None
    database: DatabaseFacts
    version: str

    @property
    def fullest(self) -> Reading:
        """Return the bucket of the quota that is used most."""
        return max(self.meter.readings, key=share)

    @property
    def oldest_age(self) -> float | None:
        """Return the age in seconds of the oldest state of a room."""
        oldest = self.ages.oldest_at
        return None if oldest is None else max((self.health.at - oldest).total_seconds(), 0.0)


def collect() -> Status:
    """Query everything: a handful of queries whatever the number of rooms and accounts, and four round trips to Redis."""
    report = health.report()
    meter = meet.quota().used()
    return Status(
        health=report,
        meter=meter,
        ages=_ages(report.at),
        oldest_room=_oldest_room(),
        accounts=_accounts(report, meter),
        redis=_redis() if report.broker else None,
        database=_database(),
        version=settings.VERSION,
    )


def share(reading: Reading) -> float:
    """Return the percentage of its limit that a bucket has used in the last minute."""
    return 100 * reading.used / reading.limit


class _Share:
    at = -MAX_SHARE_AGE
    share = 0.0


def quota_share() -> float:
    """Return the percentage of the fullest bucket of the quota, at most `MAX_SHARE_AGE` old."""
    now = time.monotonic()
    if now - _Share.at >= MAX_SHARE_AGE:
        _Share.share = max(share(reading) for reading in meet.quota().used().readings)
        _Share.at = now
    return _Share.share


# Rooms


def _covered() -> Q:
    """Return the condition for rooms that can be synced."""
    usable = ~Q(space__account__status=Account.Status.BROKEN)
    return usable & Q(space__owned=True, space__trouble=Space.Trouble.NONE)


def _ages(now: datetime) -> Ages:
    covered, seen = _covered(), "space__seen_at"
    minute, five = now - timedelta(seconds=60), now - timedelta(minutes=5)
    numbers = Room.objects.filter(archived_at=None).aggregate(
        total=Count("pk"),
        within_minute=Count("pk", filter=covered & Q(**{f"{seen}__gte": minute})),
        within_five=Count("pk", filter=covered & Q(**{f"{seen}__lt": minute, f"{seen}__gte": five})),
        older=Count("pk", filter=covered & Q(**{f"{seen}__lt": five})),
        never=Count("pk", filter=covered & Q(**{seen: None})),
        oldest_at=Min(seen, filter=covered),
    )
    total = numbers.pop("total")
    known = sum(numbers[name] for name in ("within_minute", "within_five", "older", "never"))
    return Ages(**numbers, others=total - known)


def _oldest_room() -> Room | None:
    rooms = Room.objects.filter(_covered(), archived_at=None).select_related("space", "building")
    return rooms.order_by(F("space__seen_at").asc(nulls_first=True), "pk").first()


# Accounts


def _accounts(report: Health, meter: Meter) -> tuple[AccountStatus, ...]:
    readings: defaultdict[str, list[Reading]] = defaultdict(list)
    for reading in meter.readings:
        if reading.scope != PROJECT:
            readings[reading.scope].append(reading)
    counted = Account.objects.annotate(
        room_count=Count("spaces__room", filter=Q(spaces__room__archived_at=None))
    )
    found = counted.select_related("subscription").prefetch_related("checks").defer("sealed_token")
    return tuple(
        AccountStatus(
            account=account,
            rooms=getattr(account, "room_count", 0),
            circuit=account.circuit(report.at),
            overdue=account.status != Account.Status.BROKEN and report.is_overdue(account),
            scopes=_scopes(account, list(account.checks.all())),
            readings=tuple(readings[account.email]),
            subscription=health.subscription_of(account),
        )
        for account in found.order_by("email")
    )


def _scopes(account: Account, checks: list[ScopeCheck]) -> tuple[Scope, ...]:
    """Return which permissions work. A sync needs all of them at once, so a successful one proves them all; only a later check of a
    single permission says more."""
    by_name = {check.scope: check for check in checks}
    found = []
    for name in credentials.MEET_SCOPES:
        check = by_name.get(name)
        proven_at = account.swept_at if account.status == Account.Status.OK else None
        if check and (proven_at is None or check.at > proven_at):
            found.append(Scope(credentials.short(name), check.works, check.problem, check.at))
        else:
            found.append(Scope(credentials.short(name), True if proven_at else None, "", proven_at))
    return tuple(found)


# Infrastructure


def _redis() -> RedisFacts | None:
    names = sorted(current_app.amqp.queues)
    try:
        with broker.link().pipeline(transaction=False) as pipe:
            pipe.info("server")
            pipe.info("memory")
            pipe.hlen("unacked")
            for name in names:
                pipe.llen(name)
                pipe.lindex(name, -1)  # kombu pushes on the left and takes from the right
            server, memory, running, *rest = pipe.execute()
    except (RedisError, OSError):
        return None
    now = time.time()
    return RedisFacts(
        version=f"{server.get('server_name', 'redis').capitalize()} "
        f"{server.get('valkey_version') or server.get('redis_version', '')}",
        memory=int(memory.get("used_memory", 0)),
        limit=int(memory.get("maxmemory", 0)),
        policy=str(memory.get("maxmemory_policy", "")),
        running=running,
        queues=tuple(
            Queue(name, rest[2 * index], _waited(rest[2 * index + 1], now))
            for index, name in enumerate(names)
        ),
    )


def _waited(message: bytes | None, now: float) -> float | None:
    """Return for how many seconds a task has waited, by the time that meetadmin.celery puts into its headers."""
    try:
        sent = json.loads(message or b"{}")["headers"]["sent_at"]
        return max(now - float(sent), 0.0)
    except (ValueError, KeyError, TypeError):
        return None


@lru_cache(maxsize=1)
def _on_disk() -> frozenset[tuple[str, str]]:
    """Return the migrations of this version; they do not change while it runs."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def _database() -> DatabaseFacts:
    applied = set(MigrationRecorder.Migration.objects.values_list("app", "name"))
    wanted = _on_disk()
    return DatabaseFacts(
        kind={"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(connection.vendor, connection.vendor),
        version=_database_version(),
        size=_database_size(),
        applied=len(wanted & applied),
        missing=tuple(sorted(f"{app}.{name}" for app, name in wanted - applied)),
    )


def _database_version() -> str:
    if connection.vendor == "sqlite":
        return sqlite3.sqlite_version
    number: int = getattr(connection, "pg_version", 0)  # 160004 is 16.4
    return f"{number // 10000}.{number % 10000}"


def _database_size() -> int:
    query = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    if connection.vendor != "sqlite":
        query = "SELECT pg_database_size(current_database())"
    with connection.cursor() as cursor:
        cursor.execute(query)
        row: Any = cursor.fetchone()
    return int(row[0])
