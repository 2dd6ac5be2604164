"""For probes: is the process up, and can people work with it?"""

from datetime import datetime

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from spaces import health, pulse


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
