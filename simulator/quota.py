"""Google's quotas: so many requests of a class per minute, per project and per user of a project.

Meet REST guide: Usage limits. A minute is a fixed window of world time, so moving the clock opens the next one.
Refused requests use nothing up. Whether the live service counts in the same windows is not documented.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from simulator.errors import ApiError, quota_exceeded

KEPT_MINUTES = 30  # minutes that /_control/requests still tells about


@dataclass(frozen=True, slots=True)
class Limit:
    """Requests per minute; None = no limit."""

    project: int | None
    user: int | None


GOOGLE_LIMITS = {
    "read": Limit(6000, 600),
    "write": Limit(1000, 100),
    "create": Limit(100, 10),
}
"""Class of methods -> what Google publishes. ``create`` is spaces.create alone, the "reduced write" class."""


class Minute:
    """What one minute used: (class, project) and (class, project, user) -> requests."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.projects: Counter[tuple[str, str]] = Counter()
        self.users: Counter[tuple[str, str, str]] = Counter()


class Quotas:
    """The limits in force, what was used, and what was refused."""

    def __init__(self, *, on: bool = True) -> None:
        self.on_at_start = on
        self.restart()

    def restart(self) -> None:
        """As at the start: Google's limits, nothing used."""
        self.on = self.on_at_start
        self.limits = dict(GOOGLE_LIMITS)
        self.delegated_as_one = False
        self.retry_info = False
        self.minutes: deque[Minute] = deque(maxlen=KEPT_MINUTES)
        self.refused: Counter[str] = Counter()

    def forget(self) -> None:
        """Clear the counts of minutes that are over, and of refusals; what this minute used stays used."""
        while len(self.minutes) > 1:
            self.minutes.popleft()
        self.refused.clear()

    def take(self, quota: str, *, project: str, user: str, now: float) -> None:
        """Use one request of a class; raises ApiError 429 if the user or the project has none left this minute."""
        number = int(now // 60)
        if not self.minutes or self.minutes[-1].number != number:
            self.minutes.append(Minute(number))
        minute = self.minutes[-1]
        limit = self.limits.get(quota)
        if self.on and limit is not None:
            left = 60 - now % 60
            if limit.user is not None and minute.users[quota, project, user] >= limit.user:
                raise self._refusal(quota, project, limit.user, left, per_user=True)
            if limit.project is not None and minute.projects[quota, project] >= limit.project:
                raise self._refusal(quota, project, limit.project, left, per_user=False)
        minute.projects[quota, project] += 1
        minute.users[quota, project, user] += 1

    def _refusal(self, quota: str, project: str, limit: int, left: float, *, per_user: bool) -> ApiError:
        self.refused[quota] += 1
        wait = left if self.retry_info else None
        return quota_exceeded(quota, project, limit, per_user=per_user, retry_seconds=wait)

    def settings(self) -> dict[str, object]:
        """The limits in force, as the control shows them."""
        return {
            "on": self.on,
            "limits": {
                name: {"project": limit.project, "user": limit.user} for name, limit in self.limits.items()
            },
            "delegated_as_one": self.delegated_as_one,
            "retry_info": self.retry_info,
        }

    def as_json(self, shown: Callable[[float], str]) -> dict[str, object]:
        """What was used per class and minute, the latest minute last; and what was refused, since the last clearing.

        ``shown`` tells a moment of world time as text.
        """
        minutes = []
        for minute in self.minutes:
            classes: dict[str, dict[str, dict[str, int]]] = {}
            for (quota, project), used in sorted(minute.projects.items()):
                classes.setdefault(quota, {"projects": {}, "users": {}})["projects"][project] = used
            for (quota, _, user), used in sorted(minute.users.items()):
                users = classes[quota]["users"]
                name = user or "service account"
                users[name] = max(users.get(name, 0), used)
            minutes.append({"minute": shown(minute.number * 60.0), **classes})
        return {"minutes": minutes, "refused": dict(self.refused)}
