"""The figures of the system page for Prometheus, read at the moment of asking."""

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

from spaces import access, figures, health, meet, pulse
from spaces.access import Permission
from spaces.figures import AccountFigures, Picture
from spaces.google.limits import PROJECT
from spaces.models import Account, Person, Room
from spaces.models.rooms import altogether

KINDS: tuple[pulse.Kind, ...] = ("worker", "beat")


@require_GET
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """All figures as text. With the bearer token of MEETADMIN_METRICS_TOKEN, or for an admin who is signed in; for everybody else
    there is no such page."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        wanted = settings.METRICS_TOKEN
        if not wanted or not secrets.compare_digest(token.strip().encode(), wanted.encode()):
            return HttpResponse("The token is not the one in MEETADMIN_METRICS_TOKEN.\n", "text/plain", 403)
    elif isinstance(request.user, Person):
        access.require(request.user, Permission.ACCOUNT_MANAGE)
    else:
        raise Http404
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Figures(Collector):
    """Reads everything when it is asked, keeps nothing."""

    def collect(self) -> Iterator[Metric]:
        """All families. Names follow Prometheus' rules: base units, `_total` for what only grows."""
        picture = figures.take()
        yield from _state(picture)
        yield from _rooms(picture)
        yield from _quota(picture)
        yield from _accounts(picture)
        yield from _foundation(picture)


def _one(name: str, text: str, value: float | None) -> Iterator[Metric]:
    """A gauge without labels; nothing at all when there is nothing to tell."""
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


def _state(picture: Picture) -> Iterator[Metric]:
    report = picture.health
    yield from _many("build_info", "The program that answers.", ["version"], [((picture.version,), 1)])
    yield from _one("ready", "1 when people can work with it, as /readyz says.", float(report.ready))
    causes = {cause.key for cause in report.causes}
    yield from _many(
        "trouble",
        "1 while this is wrong; the causes of /readyz.",
        ["cause"],
        [((key,), float(key in causes)) for key in health.CAUSES],
    )
    yield from _many(
        "processes", "Background processes that give signs of life.", ["kind"],
        [((kind,), report.alive(kind)) for kind in KINDS],
    )  # fmt: skip
    yield from _many(
        "heartbeat_age_seconds", "Since the latest sign of a background process of this kind.", ["kind"],
        [((kind,), report.age_of(kind)) for kind in KINDS],
    )  # fmt: skip


def _rooms(picture: Picture) -> Iterator[Metric]:
    sums = Room.objects.filter(archived_at=None).sums(picture.health.at)
    tally = altogether(sums)
    states = {
        "live": tally["live"] - tally["stuck"],
        "stuck": tally["stuck"],
        "idle": tally["idle"],
        "unknown": tally["unknown"],
        "none": tally["none"],
    }
    yield from _many(
        "rooms", "Rooms by state; each room is in one.", ["state"],
        [((state,), number) for state, number in states.items()],
    )  # fmt: skip
    yield from _one("live_calls", "Calls that run in our rooms, stuck ones included.", tally["live"])
    yield from _one("stuck_calls", "Running calls that look forgotten.", tally["stuck"])
    yield from _one("people_in_calls", "People in running calls, guests included.", tally["people"])
    yield from _one(
        "oldest_fact_age_seconds", "Since the live state of the room seen longest ago was asked.",
        picture.oldest_age,
    )  # fmt: skip
    ages = picture.ages
    yield from _many(
        "rooms_by_age", "Rooms by the age of their live state; unseen: it cannot be asked.", ["age"],
        [
            (("60s",), ages.within_minute), (("5m",), ages.within_five), (("older",), ages.older),
            (("never",), ages.never), (("unseen",), ages.others),
        ],
    )  # fmt: skip


def _quota(picture: Picture) -> Iterator[Metric]:
    project = [one for one in picture.meter.readings if one.scope == PROJECT]
    for name, text, value in (
        ("quota_used", "Calls to Google in the last minute, whole project.", "used"),
        ("quota_limit", "Calls a minute that Google allows the project.", "limit"),
        ("quota_waiting", "Calls of the last minute that had to wait for their turn.", "waited"),
        (
            "quota_paused_seconds",
            "How long the bucket is still shut after Google said too many.",
            "paused_for",
        ),
    ):
        yield from _many(name, text, ["class"], [((one.kind,), getattr(one, value)) for one in project])
    yield from _one(
        "quota_fullest_ratio", "The share of its limit that the busiest bucket has given, accounts included.",
        figures.share(picture.fullest) / 100,
    )  # fmt: skip
    try:
        totals = meet.quota().totals()
    except (RedisError, OSError):
        return
    family = CounterMetricFamily(
        "meetadmin_google_calls", "Calls to Google: sent, had to wait first, answered with 429.",
        labels=["class", "outcome"],
    )  # fmt: skip
    for (kind, outcome), number in totals.items():
        family.add_metric([kind, outcome], number)
    yield family


def _accounts(picture: Picture) -> Iterator[Metric]:
    now, looked_after = timezone.now(), [one for one in picture.accounts if one.rooms]

    def age(moment: datetime | None) -> float | None:
        return None if moment is None else max((now - moment).total_seconds(), 0.0)

    named = {_name(one.account): one for one in looked_after}
    gauges: tuple[tuple[str, str, Callable[[AccountFigures], float | None]], ...] = (
        ("account_up", "1 when Google accepts us as this account.", lambda one: float(one.account.status != Account.Status.BROKEN)),
        ("account_rooms", "Rooms whose link this account owns.", lambda one: one.rooms),
        ("account_live_calls", "Calls that ran at the last look.", lambda one: one.account.live_calls),
        ("account_sweep_age_seconds", "Since the last successful look at its running calls.", lambda one: age(one.account.swept_at)),
        ("account_failures", "Looks in a row that failed.", lambda one: one.account.fail_count),
        ("account_push_heard_age_seconds", "Since an event came for one of its spaces.", lambda one: age(one.account.push_heard_at)),
        ("account_subscription_expiry_seconds", "Until its subscription to events ends.", _expiry),
    )  # fmt: skip
    for name, text, read in gauges:
        yield from _many(name, text, ["account"], [((label,), read(one)) for label, one in named.items()])
    yield from _many(
        "push", "1 for the state in which events are.", ["state"],
        [((state,), float(state == picture.health.push)) for state in ("on", "waiting", "silent", "off")],
    )  # fmt: skip


def _expiry(one: AccountFigures) -> float | None:
    subscription = one.subscription
    if subscription is None or subscription.expires_at is None:
        return None
    return (subscription.expires_at - timezone.now()).total_seconds()


def _name(account: Account) -> str:
    """Mailboxes of rooms by their address, unless that is switched off; a person's own account never by theirs."""
    if account.kind == Account.Kind.CONSENTED or not settings.METRICS_NAMES:
        return f"account-{account.pk}"
    return account.email


def _foundation(picture: Picture) -> Iterator[Metric]:
    redis, database = picture.redis, picture.database
    if redis:
        yield from _many(
            "queue_length", "Tasks that wait for a worker.", ["queue"],
            [((one.name,), one.waiting) for one in redis.queues],
        )  # fmt: skip
        yield from _many(
            "queue_oldest_age_seconds", "How long the oldest task has waited.", ["queue"],
            [((one.name,), one.oldest) for one in redis.queues],
        )  # fmt: skip
        yield from _one("redis_memory_bytes", "Memory that Redis has taken.", redis.memory)
    yield from _one("database_bytes", "Size of the database.", database.size)
    yield from _one("migrations_missing", "Migrations that were not applied.", len(database.missing))
