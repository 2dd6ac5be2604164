"""All figures about the installation itself: the system page and /metrics tell the same ones. Nothing here asks Google, and nothing
is changed."""

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

from spaces import broker, health, meet
from spaces.google import credentials
from spaces.google.limits import PROJECT
from spaces.google.quota import Meter, Reading
from spaces.health import Health, Level
from spaces.models import Account, Room, ScopeCheck, Space, Subscription

# From which value on a figure wants to be looked at, and from which something has to be done.
QUOTA = (70.0, 90.0)  # per cent of a limit, in the last minute
OLDEST_FACT = (120.0, 600.0)  # seconds
OLDEST_FACT_WITH_EVENTS = (300.0, 600.0)  # Google is asked seldom then, and tells of changes by itself
WAITING = (50, 500)  # tasks in the queue
OLDEST_TASK = (15.0, 60.0)  # seconds in the queue
MEMORY = (70.0, 90.0)  # per cent of what Redis may take

KEEP_SHARE = 5.0
"""Seconds for which a process remembers how much of the quota is used: every page says so."""


def level(value: float | None, limits: tuple[float, float]) -> Level:
    """How a figure is to be taken. None: nothing to judge."""
    if value is None:
        return "off"
    look, act = limits
    return "act" if value >= act else "look" if value >= look else "fine"


def worst(levels: list[Level]) -> Level:
    """The one to worry about."""
    return max(levels, key=("off", "fine", "look", "act").index, default="off")


@dataclass(frozen=True, slots=True)
class Ages:
    """How old the live state of rooms is. `covered` are those a sweep can see; the others have no link, or belong to an account that
    is broken or does not own them."""

    within_minute: int
    within_five: int
    older: int
    never: int
    others: int
    oldest_at: datetime | None

    @property
    def covered(self) -> int:
        """Rooms whose state a sweep keeps fresh."""
        return self.within_minute + self.within_five + self.older + self.never


@dataclass(frozen=True, slots=True)
class Scope:
    """One permission of an account: True and False as known, None while nobody has tried. `at`: known since then."""

    name: str
    works: bool | None
    problem: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class AccountFigures:
    """One account with everything that is known of how it is doing."""

    account: Account
    rooms: int
    circuit: Account.Circuit
    late: bool
    scopes: tuple[Scope, ...]
    readings: tuple[Reading, ...]
    subscription: Subscription | None

    @property
    def level(self) -> Level:
        """How it is doing, all in all."""
        if self.account.status == Account.Status.BROKEN:
            return "act"
        if not self.rooms:
            return "off"
        if self.late or self.circuit != Account.Circuit.CLOSED or self.account.problem:
            return "look"
        return "off" if self.account.status == Account.Status.UNTESTED else "fine"


@dataclass(frozen=True, slots=True)
class Queue:
    """Tasks in Redis: waiting for a worker, taken and not finished, and how long (seconds) the oldest has waited (None: nobody knows
    or none waits)."""

    name: str
    waiting: int
    oldest: float | None


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """The server behind queue, timetable and quota. Memory in bytes; `most` 0: as much as the machine has."""

    version: str
    memory: int
    most: int
    policy: str
    taken: int
    queues: tuple[Queue, ...]

    @property
    def fullness(self) -> float | None:
        """Per cent of the memory it may take; None when it has no limit."""
        return 100 * self.memory / self.most if self.most else None

    @property
    def forgets(self) -> bool:
        """Whether it throws entries away when it is full, the queue's among them."""
        return self.policy != "noeviction"

    @property
    def waiting(self) -> int:
        """Tasks in all queues."""
        return sum(one.waiting for one in self.queues)

    @property
    def oldest(self) -> float | None:
        """Seconds that the oldest of them has waited."""
        return max((one.oldest for one in self.queues if one.oldest is not None), default=None)


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """Kind and version, size in bytes, migrations done and still to do."""

    kind: str
    version: str
    size: int
    applied: int
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """The whole installation at one moment."""

    health: Health
    meter: Meter
    ages: Ages
    oldest_room: Room | None
    accounts: tuple[AccountFigures, ...]
    redis: RedisFacts | None
    database: DatabaseFacts
    version: str

    @property
    def fullest(self) -> Reading:
        """The bucket of the quota that is used most."""
        return max(self.meter.readings, key=share)

    @property
    def oldest_age(self) -> float | None:
        """Seconds since the live state of the room seen longest ago was asked."""
        oldest = self.ages.oldest_at
        return None if oldest is None else max((self.health.at - oldest).total_seconds(), 0.0)


def take(report: Health | None = None) -> Picture:
    """Look at everything: a handful of queries whatever the number of rooms and accounts, and three round trips to Redis."""
    report = report or health.report()
    meter = meet.quota().used()
    return Picture(
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
    """How much of its limit a bucket has given in the last minute, in per cent."""
    return 100 * reading.used / reading.limit


class _Kept:
    at = -KEEP_SHARE
    share = 0.0


def quota_share() -> float:
    """The fullest bucket of the quota, in per cent; remembered for some seconds."""
    now = time.monotonic()
    if now - _Kept.at >= KEEP_SHARE:
        _Kept.share = max(share(one) for one in meet.quota().used().readings)
        _Kept.at = now
    return _Kept.share


# Rooms


def _covered() -> Q:
    """Rooms whose live state a sweep keeps fresh."""
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


def _accounts(report: Health, meter: Meter) -> tuple[AccountFigures, ...]:
    readings: defaultdict[str, list[Reading]] = defaultdict(list)
    for reading in meter.readings:
        if reading.scope != PROJECT:
            readings[reading.scope].append(reading)
    counted = Account.objects.annotate(
        room_count=Count("spaces__room", filter=Q(spaces__room__archived_at=None))
    )
    found = counted.select_related("subscription").prefetch_related("checks").defer("sealed_token")
    return tuple(
        AccountFigures(
            account=account,
            rooms=getattr(account, "room_count", 0),
            circuit=account.circuit(report.at),
            late=account.status != Account.Status.BROKEN and report.is_late(account),
            scopes=_scopes(account, list(account.checks.all())),
            readings=tuple(readings[account.email]),
            subscription=health.subscription_of(account),
        )
        for account in found.order_by("email")
    )


def _scopes(account: Account, checks: list[ScopeCheck]) -> tuple[Scope, ...]:
    """Which permissions are known to work. A sweep asks for all of them at once and fails when one is missing, so one that went
    well proves them all; after that only a later check of one by itself says more."""
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


# What it stands on


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
            server, memory, taken, *rest = pipe.execute()
    except (RedisError, OSError):
        return None
    now = time.time()
    return RedisFacts(
        version=f"{server.get('server_name', 'redis').capitalize()} "
        f"{server.get('valkey_version') or server.get('redis_version', '')}",
        memory=int(memory.get("used_memory", 0)),
        most=int(memory.get("maxmemory", 0)),
        policy=str(memory.get("maxmemory_policy", "")),
        taken=taken,
        queues=tuple(
            Queue(name, rest[2 * place], _waited(rest[2 * place + 1], now))
            for place, name in enumerate(names)
        ),
    )


def _waited(message: bytes | None, now: float) -> float | None:
    """How long a task in the queue has waited, by the stamp that meetadmin.celery gives each."""
    try:
        sent = json.loads(message or b"{}")["headers"]["sent_at"]
        return max(now - float(sent), 0.0)
    except (ValueError, KeyError, TypeError):
        return None


@lru_cache(maxsize=1)
def _on_disk() -> frozenset[tuple[str, str]]:
    """The migrations that this program brings; they do not change while it runs."""
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
