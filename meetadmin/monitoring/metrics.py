"""The figures of the system page for Prometheus, collected with each request."""

import secrets
from collections.abc import Callable, Iterator
from datetime import datetime

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from meetadmin.monitoring import health, heartbeat
from meetadmin.monitoring import status as figures
from meetadmin.monitoring.status import AccountStatus, Status
from spaces import access, meet
from spaces.access import Permission
from spaces.google.limits import PROJECT
from spaces.models import Account, Person, Room
from spaces.models.rooms import RoomQuerySet, altogether


@require_GET
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """All figures as text, with the bearer token of MEETADMIN_METRICS_TOKEN or for an admin who is signed in; 404 for others."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        wanted = settings.METRICS_TOKEN
        if not wanted or not secrets.compare_digest(token.strip().encode(), wanted.encode()):
            return HttpResponse(
                "The token is not the account in MEETADMIN_METRICS_TOKEN.\n", "text/plain", 403
            )
    elif isinstance(request.user, Person):
        access.require(request.user, Permission.ACCOUNT_MANAGE)
    else:
        raise Http404
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Figures(Collector):
    """Collects everything anew with each request."""

    def collect(self) -> Iterator[Metric]:
        """Yield all families. Names follow Prometheus' rules: base units, `_total` for counters."""
        status = figures.collect()
        yield from _state(status)
        yield from _rooms(status)
        yield from _quota(status)
        yield from _accounts(status)
        yield from _infrastructure(status)


def _one(name: str, text: str, value: float | None) -> Iterator[Metric]:
    """Yield a gauge without labels, or nothing when its value is unknown."""
    if value is not None:
        yield GaugeMetricFamily(f"meetadmin_{name}", text, value=value)


def _many(
    name: str, text: str, labels: list[str], rows: list[tuple[tuple[str, ...], float | None]]
) -> Iterator[Metric]:
    family = GaugeMetricFamily(f"meetadmin_{name}", text, labels=labels)
    for values, number in rows:
        if number is not None:
            family.add_metric(values, number)
    yield family


def _state(status: Status) -> Iterator[Metric]:
    report = status.health
    yield from _many("build_info", "The version that answers.", ["version"], [((status.version,), 1)])
    yield from _one("ready", "1 when people can work with it, as /readyz says.", float(report.ready))
    problems = {problem.key for problem in report.problems}
    yield from _many(
        "trouble",
        "1 while there is this problem; the causes of /readyz.",
        ["cause"],
        [((key,), float(key in problems)) for key in health.PROBLEMS],
    )
    yield from _many(
        "processes", "Background processes that are alive.", ["kind"],
        [((kind,), report.alive(kind)) for kind in heartbeat.KINDS],
    )  # fmt: skip
    yield from _many(
        "heartbeat_age_seconds", "Since the latest heartbeat of a background process of this kind.", ["kind"],
        [((kind,), report.age_of(kind)) for kind in heartbeat.KINDS],
    )  # fmt: skip


def _rooms(status: Status) -> Iterator[Metric]:
    numbers = altogether(RoomQuerySet(Room).current().sums())
    states = {
        "live": numbers["live"] - numbers["stuck"],
        "stuck": numbers["stuck"],
        "idle": numbers["idle"],
        "unknown": numbers["unknown"],
        "none": numbers["none"],
    }
    yield from _many(
        "rooms", "Rooms by state; each room is in one.", ["state"],
        [((state,), number) for state, number in states.items()],
    )  # fmt: skip
    yield from _one("live_calls", "Running calls in our rooms, including stuck ones.", numbers["live"])
    yield from _one("stuck_calls", "Running calls that are stuck.", numbers["stuck"])
    yield from _one("people_in_calls", "People in running calls, including guests.", numbers["people"])
    yield from _one(
        "oldest_fact_age_seconds", "Age of the oldest status of a room.",
        status.oldest_age,
    )  # fmt: skip
    ages = status.ages
    yield from _many(
        "rooms_by_age", "Rooms by the age of their status; unseen: it cannot be checked.", ["age"],
        [
            (("60s",), ages.within_minute), (("5m",), ages.within_five), (("older",), ages.older),
            (("never",), ages.never), (("unseen",), ages.others),
        ],
    )  # fmt: skip


def _quota(status: Status) -> Iterator[Metric]:
    project = [reading for reading in status.meter.readings if reading.scope == PROJECT]
    for name, text, value in (
        ("quota_used", "Calls to Google in the last minute, whole project.", "used"),
        ("quota_limit", "Calls a minute that Google allows the project.", "limit"),
        ("quota_waiting", "Calls of the last minute that had to wait for quota.", "waited"),
        (
            "quota_paused_seconds",
            "How long the bucket stays paused after a 429 from Google.",
            "paused_for",
        ),
    ):
        yield from _many(
            name, text, ["class"], [((reading.kind,), getattr(reading, value)) for reading in project]
        )
    yield from _one(
        "quota_fullest_ratio", "The share of its limit that the fullest bucket has used, including those of accounts.",
        figures.share(status.fullest) / 100,
    )  # fmt: skip
    try:
        totals = meet.quota().totals()
    except (RedisError, OSError):
        return
    family = CounterMetricFamily(
        "meetadmin_google_calls", "Calls to Google: sent, had to wait for quota, answered with 429.",
        labels=["class", "outcome"],
    )  # fmt: skip
    for (kind, outcome), number in totals.items():
        family.add_metric([kind, outcome], number)
    yield family


def _accounts(status: Status) -> Iterator[Metric]:
    now, with_rooms = timezone.now(), [account for account in status.accounts if account.rooms]

    def age(moment: datetime | None) -> float | None:
        return None if moment is None else max((now - moment).total_seconds(), 0.0)

    named = {_name(account.account): account for account in with_rooms}
    gauges: tuple[tuple[str, str, Callable[[AccountStatus], float | None]], ...] = (
        ("account_up", "1 when Google accepts our access to this account.", lambda account: float(account.account.status != Account.Status.BROKEN)),
        ("account_rooms", "Rooms whose link this account owns.", lambda account: account.rooms),
        ("account_live_calls", "Running calls at the last sync.", lambda account: account.account.live_calls),
        ("account_sweep_age_seconds", "Since the last successful sync of its running calls.", lambda account: age(account.account.swept_at)),
        ("account_failures", "Syncs in a row that failed.", lambda account: account.account.fail_count),
        ("account_push_heard_age_seconds", "Since the last event for account of its spaces.", lambda account: age(account.account.push_heard_at)),
        ("account_subscription_expiry_seconds", "Until its subscription to events ends.", _expiry),
    )  # fmt: skip
    for name, text, read in gauges:
        yield from _many(
            name, text, ["account"], [((label,), read(account)) for label, account in named.items()]
        )
    yield from _many(
        "push", "1 for the state of events.", ["state"],
        [((state,), float(state == status.health.push)) for state in ("on", "waiting", "silent", "off")],
    )  # fmt: skip


def _expiry(account: AccountStatus) -> float | None:
    subscription = account.subscription
    if subscription is None or subscription.expires_at is None:
        return None
    return (subscription.expires_at - timezone.now()).total_seconds()


def _name(account: Account) -> str:
    """Return the address of a room mailbox, unless that is switched off; a person's own account has a number only."""
    if account.kind == Account.Kind.CONSENTED or not settings.METRICS_NAMES:
        return f"account-{account.pk}"
    return account.email


def _infrastructure(status: Status) -> Iterator[Metric]:
    redis, database = status.redis, status.database
    if redis:
        yield from _many(
            "queue_length", "Tasks that wait for a worker.", ["queue"],
            [((queue.name,), queue.waiting) for queue in redis.queues],
        )  # fmt: skip
        yield from _many(
            "queue_oldest_age_seconds", "How long the oldest task has waited.", ["queue"],
            [((queue.name,), queue.oldest) for queue in redis.queues],
        )  # fmt: skip
        yield from _one("redis_memory_bytes", "Memory used by Redis.", redis.memory)
    yield from _one("database_bytes", "Size of the database.", database.size)
    yield from _one("migrations_missing", "Migrations that are not applied.", len(database.missing))
