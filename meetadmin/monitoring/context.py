"""What the slice's fragments need on every page."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from meetadmin.monitoring import health, status
from spaces import access
from spaces.models import Person


def health_context(request: HttpRequest) -> dict[str, Any]:
    """Return the state of the installation for signed-in people. Lazy: a page that does not show it does not query it."""
    person = getattr(request, "user", None)
    if not isinstance(person, Person):
        return {}
    report: Any = SimpleLazyObject(health.recent)
    return {
        "health": report,
        "problems": SimpleLazyObject(lambda: problems_for(person, report)),
        "quota_share": SimpleLazyObject(status.quota_share),
    }


def problems_for(person: Person, report: health.Health) -> list[tuple[health.Problem, str]]:
    """Return the problems that concern this person, each with its sentence. Only those who manage accounts read their names."""
    permissions = access.permissions(person)
    manages = access.Permission.ACCOUNT_MANAGE in permissions
    sees_system = access.Permission.SYSTEM_SEE in permissions
    return [
        (problem, problem.with_names if problem.with_names and manages else problem.sentence)
        for problem in report.problems
        if sees_system or not problem.staff_only
    ]
