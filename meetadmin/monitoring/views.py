"""The system page, and the probes."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from meetadmin.monitoring import health, heartbeat
from meetadmin.monitoring import status as figures
from meetadmin.monitoring.context import problems_for
from meetadmin.monitoring.health import Level
from meetadmin.monitoring.status import Status
from spaces import access
from spaces.access import Permission
from spaces.google.limits import PROJECT
from spaces.models import Room
from spaces.views.replies import Request, page


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure with its unit, its level, and the limits of the levels. `seconds`: a duration in place of the value, or of the oldest
    behind it; `kind`: the class of calls that the value is about."""

    label: str
    value: str
    level: Level
    limits: str
    icon: str
    link: str = ""
    seconds: float | None = None
    kind: str = ""


@require_GET
def system(request: Request) -> HttpResponse:
    """Show the state of the installation. Names of accounts are for those who manage them."""
    access.require(request.user, Permission.SYSTEM_SEE)
    status = figures.collect()
    # The time of a room's last sync depends on its calls, so its name is for those who may see all calls.
    oldest_room = status.oldest_room if access.everywhere(request.user, Permission.CALL_SEE) else None
    tiles = _tiles(status, oldest_room)
    manages = access.can(request.user, Permission.ACCOUNT_MANAGE)
    context = {
        "status": status,
        "now": status.health.at,
        "health": status.health,
        "problems": problems_for(request.user, status.health),
        "tiles": tiles,
        "oldest_room": oldest_room,
        "worst": figures.worst([tile.level for tile in tiles]),
        "manages": manages,
        "quota": [
            (reading, figures.share(reading), figures.level(figures.share(reading), figures.QUOTA))
            for reading in status.meter.readings
            if reading.scope == PROJECT
            or (manages and (reading.used or reading.waited or reading.paused_for))
        ],
        "reserve": settings.QUOTA_RESERVE,
        "ages": _ages(status),
        "push": settings.PUSH,
    }
    return page(request, "monitoring/system.html", context, partial="board")


def _tiles(status: Status, oldest_room: Room | None) -> list[Tile]:
    return [*_data_tiles(status, oldest_room), *_infrastructure_tiles(status)]


def _data_tiles(status: Status, oldest_room: Room | None) -> list[Tile]:
    report = status.health
    limits = figures.OLDEST_FACT_WITH_EVENTS if report.push == "on" else figures.OLDEST_FACT
    share = figures.share(status.fullest)
    return [
        Tile(
            _("Oldest room status"),
            "–" if status.oldest_age is None else "",
            "critical" if status.ages.never else figures.level(status.oldest_age, limits),
            _("warning from %(warning)s, critical from %(critical)s")
            % {"warning": _minutes(limits[0]), "critical": _minutes(limits[1])},
            "clock",
            oldest_room.get_absolute_url() if oldest_room else "",
            seconds=status.oldest_age,
        ),
        Tile(
            _("Quota, last minute"),
            f"{share:.0f} %",
            figures.level(share, figures.QUOTA),
            _("warning from 70 %, critical from 90 % of any limit"),
            "shield",
            kind=status.fullest.kind,
        ),
        Tile(_("Events from Google"), *_events(report), icon="radio"),
        Tile(
            _("Working accounts"),
            _("%(well)s of %(all)s") % {"well": len(report.usable), "all": len(report.accounts)},
            figures.worst([account.level for account in status.accounts if account.rooms]),
            _("warning when one is late, critical when Google refuses one"),
            "key-round",
        ),
    ]


def _infrastructure_tiles(status: Status) -> list[Tile]:
    report, redis, database = status.health, status.redis, status.database
    queue: Level = "critical"
    if redis:
        levels = [
            figures.level(redis.waiting, figures.WAITING),
            figures.level(redis.oldest, figures.OLDEST_TASK),
        ]
        queue = figures.worst(levels)
    worker: Level = "warning" if _some_gone(report, "worker") else "ok"
    workers = report.alive("worker")
    return [
        Tile(
            _("Workers"),
            ngettext("%(count)s running", "%(count)s running", workers) % {"count": workers},
            worker if workers else "critical",
            _("counts as gone after 50 s without a heartbeat"),
            "users",
        ),
        Tile(
            _("Scheduler"),
            _("running") if report.beat else _("not running"),
            "ok" if report.beat else "critical",
            _("counts as gone after 15 s without a heartbeat"),
            "history",
        ),
        Tile(
            _("Tasks waiting"),
            "–" if redis is None else str(redis.waiting),
            queue,
            _("warning from 50 or 15 s, critical from 500 or 60 s"),
            "ticket",
            seconds=redis.oldest if redis else None,
        ),
        Tile(
            _("Database"),
            f"{database.kind} {database.version}",
            "critical" if database.missing else "ok",
            _("critical when a migration is missing"),
            "archive",
        ),
    ]


def _minutes(seconds: float) -> str:
    return _("%(count)s min") % {"count": round(seconds / 60)}


def _some_gone(report: health.Health, kind: heartbeat.Kind) -> bool:
    return any(process.kind == kind and not process.alive for process in report.processes)


def _events(report: health.Health) -> tuple[str, Level, str]:
    """Return the state of push, its level, and what it means."""
    states: dict[health.Push, tuple[str, Level, str]] = {
        "on": (_("on"), "ok", _("Google is asked less often while they arrive")),
        "waiting": (_("none yet"), "warning", _("Google is asked as often as without events")),
        "silent": (_("silent"), "warning", _("Google is asked more often instead")),
        "off": (_("off"), "off", _("not configured; Google is asked at intervals")),
    }
    return states[report.push]


def _ages(status: Status) -> list[tuple[str, int, float, Level]]:
    """Return the number of rooms by the age of their state: label, rooms, percentage of all, level."""
    ages = status.ages
    rows: list[tuple[str, int, Level]] = [
        (_("up to 60 s old"), ages.within_minute, "ok"),
        (_("up to 5 min old"), ages.within_five, "ok"),
        (_("older"), ages.older, "warning"),
        (_("never checked"), ages.never, "critical"),
        (_("cannot be checked (no link, not ours, or the account is broken)"), ages.others, "unknown"),
    ]
    total = max(ages.covered + ages.others, 1)
    return [
        (label, number, 100 * number / total, level if number else "off") for label, number, level in rows
    ]


# Probes


@require_GET
@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers. Nothing else is checked, so that an unreachable database does not restart web processes."""
    return JsonResponse({"status": "ok"})


@require_GET
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    """Database, broker, background processes and the age of the data; 503 while people cannot work with it. Public, so it contains
    no names."""
    report = health.report()

    def age(moment: datetime | None) -> float | None:
        return None if moment is None else round((report.at - moment).total_seconds(), 1)

    def processes(kind: heartbeat.Kind) -> dict[str, object]:
        last = report.age_of(kind)
        return {
            "alive": report.alive(kind) > 0,
            "processes": report.alive(kind),
            "seen_seconds_ago": None if last is None else round(last, 1),
        }

    body = {
        "status": "ready" if report.ready else "not ready",
        "database": "ok" if report.database else "unreachable",
        "broker": "ok" if report.broker else "unreachable",
        "worker": processes("worker"),
        "beat": processes("beat"),
        "sweep": {
            "accounts": len(report.usable),
            "never_swept": report.never_checked,
            "oldest_seconds_ago": age(report.oldest_check_at),
            "late": bool(report.overdue),
        },
        "push": {"state": report.push, "heard_seconds_ago": age(report.push_heard_at)},
        "causes": [problem.key for problem in report.problems],
    }
    return JsonResponse(body, status=200 if report.ready else 503)
