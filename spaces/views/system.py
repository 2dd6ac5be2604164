"""For probes: is the process up, and can people work with it?"""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from spaces import health


@require_GET
@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers. Nothing else is asked, so that a dead database does not restart web processes."""
    return JsonResponse({"status": "ok"})


@require_GET
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    """Database, broker, worker and the age of the picture; 503 while people cannot work with it."""
    seen = health.report()

    def age(moment: object) -> float | None:
        return None if moment is None else round((seen.at - moment).total_seconds(), 1)  # type: ignore[operator]

    body = {
        "status": "ready" if seen.ready else "not ready",
        "database": "ok" if seen.database else "unreachable",
        "broker": "ok" if seen.broker else "unreachable",
        "worker": {"alive": seen.worker, "seen_seconds_ago": age(seen.worker_seen_at)},
        "sweep": {
            "accounts": seen.accounts,
            "never_swept": seen.never_swept,
            "oldest_seconds_ago": age(seen.oldest_sweep_at),
            "late": seen.sweeps_late,
        },
    }
    return JsonResponse(body, status=200 if seen.ready else 503)
