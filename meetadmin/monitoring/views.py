"""How Meetadmin itself is doing: the page for IT staff, and what probes ask."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from spaces import access, figures, health, pulse
from spaces.access import Permission
from spaces.figures import Picture
from spaces.health import Level
from spaces.models import Room
from spaces.views.replies import Request, causes_for, page


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure with its unit, how it is to be taken, and from when on that would be otherwise. `seconds`: a length of time in
    place of the value or, behind it, of the oldest; `kind`: the class of calls that the value is of."""

    label: str
    value: str
    level: Level
    limits: str
    icon: str
    link: str = ""
    seconds: float | None = None
    kind: str = ""


@require_GET
def overview(request: Request) -> HttpResponse:
    """Everything about the installation. Accounts by name are for those who manage them."""
    access.require(request.user, Permission.SYSTEM_SEE)
    picture = figures.take()
    # When a room was looked at tells something of its calls, so which one it is is for those who may know of all.
    oldest_room = picture.oldest_room if access.everywhere(request.user, Permission.CALL_SEE) else None
    tiles = _tiles(picture, oldest_room)
    manages = access.can(request.user, Permission.ACCOUNT_MANAGE)
    context = {
        "picture": picture,
        "now": picture.health.at,
        "health": picture.health,
        "causes": causes_for(request.user, picture.health),
        "tiles": tiles,
        "oldest_room": oldest_room,
        "worst": figures.worst([tile.level for tile in tiles]),
        "manages": manages,
        "quota": [
            (reading, figures.share(reading), figures.level(figures.share(reading), figures.QUOTA))
            for reading in picture.meter.readings
            if reading.scope == "project"
            or (manages and (reading.used or reading.waited or reading.paused_for))
        ],
        "reserve": settings.QUOTA_RESERVE,
        "ages": _ages(picture),
        "push": settings.PUSH,
    }
    return page(request, "system.html", context, partial="board")


def _tiles(picture: Picture, oldest_room: Room | None) -> list[Tile]:
    report, redis, database = picture.health, picture.redis, picture.database
    oldest = figures.OLDEST_FACT_WITH_EVENTS if report.push == "on" else figures.OLDEST_FACT
    return [
        Tile(
            _("Oldest state of a room"),
            "–" if picture.oldest_age is None else "",
            "act" if picture.ages.never else figures.level(picture.oldest_age, oldest),
            _("fine below %(look)s, act from %(act)s")
            % {"look": _minutes(oldest[0]), "act": _minutes(oldest[1])},
            "clock",
            oldest_room.get_absolute_url() if oldest_room else "",
            seconds=picture.oldest_age,
        ),
        Tile(
            _("Quota in the last minute"),
            f"{figures.share(picture.fullest):.0f} %",
            figures.level(figures.share(picture.fullest), figures.QUOTA),
            _("fine below 70 %, act from 90 % of any limit"),
            "shield",
            kind=picture.fullest.kind,
        ),
        Tile(_("Events from Google"), *_events(report), icon="radio"),
        Tile(
            _("Workers"),
            ngettext("%(count)s alive", "%(count)s alive", report.alive("worker"))
            % {"count": report.alive("worker")},
            "act" if not report.worker else "look" if _silent(report, "worker") else "fine",
            _("reports with its work; counts as gone after 50 s without any"),
            "users",
        ),
        Tile(
            _("Timetable"),
            _("alive") if report.beat else _("not running"),
            "fine" if report.beat else "act",
            _("the same"),
            "history",
        ),
        Tile(
            _("Tasks waiting"),
            "–" if redis is None else str(redis.waiting),
            "act"
            if redis is None
            else figures.worst(
                [
                    figures.level(redis.waiting, figures.WAITING),
                    figures.level(redis.oldest, figures.OLDEST_TASK),
                ]
            ),
            _("fine below 50 and 15 s, act from 500 or 60 s"),
            "ticket",
            seconds=redis.oldest if redis else None,
        ),
        Tile(
            _("Accounts that work"),
            _("%(well)s of %(all)s") % {"well": len(report.usable), "all": len(report.accounts)},
            figures.worst(
                [one.level for one in picture.accounts if one.rooms] or ["off"],
            ),
            _("act when Google refuses one, look when one is late"),
            "key-round",
        ),
        Tile(
            _("Database"),
            f"{database.kind} {database.version}",
            "act" if database.missing else "fine",
            _("act when a migration is missing"),
            "archive",
        ),
    ]


def _minutes(seconds: float) -> str:
    return _("%(count)s min") % {"count": round(seconds / 60)}


def _silent(report: health.Health, kind: pulse.Kind) -> bool:
    return any(one.kind == kind and not one.alive for one in report.processes)


def _events(report: health.Health) -> tuple[str, Level, str]:
    """State of push, how it is to be taken, and what that means."""
    return {
        "on": (_("on"), "fine", _("asking is slower while they come")),
        "waiting": (_("none yet"), "look", _("until the first one Google is asked as often as without")),
        "silent": (_("silent"), "look", _("Google is asked more often instead")),
        "off": (_("off"), "off", _("not configured: Google is asked at intervals")),
    }[report.push]  # type: ignore[return-value]


def _ages(picture: Picture) -> list[tuple[str, int, float, Level]]:
    """How old the state of rooms is: words, rooms, per cent of all, how it is to be taken."""
    ages = picture.ages
    rows: list[tuple[str, int, Level]] = [
        (_("up to 60 s old"), ages.within_minute, "fine"),
        (_("up to 5 min old"), ages.within_five, "fine"),
        (_("older"), ages.older, "look"),
        (_("never seen"), ages.never, "act"),
        (_("cannot be seen (no link, not ours, or the account is broken)"), ages.others, "off"),
    ]
    total = max(ages.covered + ages.others, 1)
    return [
        (words, number, 100 * number / total, level if number else "off") for words, number, level in rows
    ]


# Probes


@require_GET
@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers. Nothing else is asked, so that a dead database does not restart web processes."""
    return JsonResponse({"status": "ok"})


@require_GET
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    """Database, broker, background processes and the age of the picture; 503 while people cannot work with it. Anybody may
    read it, so it has numbers and words of ours but no names."""
    seen = health.report()

    def age(moment: datetime | None) -> float | None:
        return None if moment is None else round((seen.at - moment).total_seconds(), 1)

    def processes(kind: pulse.Kind) -> dict[str, object]:
        silent = seen.age_of(kind)
        return {
            "alive": seen.alive(kind) > 0,
            "processes": seen.alive(kind),
            "seen_seconds_ago": None if silent is None else round(silent, 1),
        }

    body = {
        "status": "ready" if seen.ready else "not ready",
        "database": "ok" if seen.database else "unreachable",
        "broker": "ok" if seen.broker else "unreachable",
        "worker": processes("worker"),
        "beat": processes("beat"),
        "sweep": {
            "accounts": len(seen.usable),
            "never_swept": seen.never_swept,
            "oldest_seconds_ago": age(seen.oldest_sweep_at),
            "late": seen.sweeps_late,
        },
        "push": {"state": seen.push, "heard_seconds_ago": age(seen.push_heard_at)},
        "causes": [cause.key for cause in seen.causes],
    }
    return JsonResponse(body, status=200 if seen.ready else 503)
