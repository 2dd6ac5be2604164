"""Requests that wait for Google: where they run, and how many of them one person may have at a time (docs/decisions/0019).

They run in threads of their own (`meetadmin/asgi.py`), so that pages never wait behind them. Ending a call has its own lane, because
it must not wait behind anybody's refreshes.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, parse_cookie
from django.urls import Resolver404, resolve

from spaces.models import Person
from spaces.views import problems

PAGES: Final = "pages"
GOOGLE: Final = "google"
ENDING: Final = "ending"
REFUSED: Final = "meetadmin.lane_refused"
"""Key of `request.META`, set by the server: too many requests wait in this lane already, in all ("all") or of this session ("each")."""

MOST_EACH: Final = 3
"""Requests of one person that may wait for Google at the same time, in each lane and web process."""

View = Callable[..., HttpResponse]


def calls_google(lane: str = GOOGLE, *, methods: tuple[str, ...] = ("POST",)) -> Callable[[View], View]:
    """Mark a view whose requests with these methods wait for Google, and refuse a person's second identical request while the first
    is running, and more than MOST_EACH of them at once."""

    def marked(view: View) -> View:
        @wraps(view)
        def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in methods:
                return view(request, *args, **kwargs)
            if refused := request.META.get(REFUSED):
                return (
                    problems.busy(request) if refused == "all" else problems.wait(request, problems.Wait.MANY)
                )
            person = request.user if isinstance(request.user, Person) else None
            if person is None:
                return view(request, *args, **kwargs)
            with RUNNING.entered(lane, person.pk, request.path) as refusal:
                return problems.wait(request, refusal) if refusal else view(request, *args, **kwargs)

        limited.lanes = dict.fromkeys(methods, lane)  # type: ignore[attr-defined]
        return limited

    return marked


def lane_of(method: str, path: str) -> str:
    """Return the lane in which a request runs."""
    try:
        view = resolve(path).func
    except Resolver404:
        return PAGES
    lanes: dict[str, str] = getattr(view, "lanes", {})
    return lanes.get(method, PAGES)


def session_of(environ: Mapping[str, Any]) -> str:
    """Return the key of the session that a request claims to belong to; empty without one. Nobody has looked yet whether it is good."""
    return parse_cookie(environ.get("HTTP_COOKIE", "")).get(settings.SESSION_COOKIE_NAME, "")


class Running:
    """The requests that wait for Google in this process, by lane and person. It protects this process's threads, so it needs to know
    of no other process, and works while Redis is away."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paths: set[tuple[int, str]] = set()
        self._numbers: Counter[tuple[str, int]] = Counter()

    @contextmanager
    def entered(self, lane: str, person: int, path: str) -> Iterator[problems.Wait | None]:
        """Count a request while the block runs; gives the reason when it must not run."""
        with self._lock:
            refusal = self._refusal(lane, person, path)
            if refusal is None:
                self._paths.add((person, path))
                self._numbers[lane, person] += 1
        try:
            yield refusal
        finally:
            if refusal is None:
                with self._lock:
                    self._paths.discard((person, path))
                    self._numbers -= Counter({(lane, person): 1})  # drops what comes to zero

    def _refusal(self, lane: str, person: int, path: str) -> problems.Wait | None:
        if (person, path) in self._paths:
            return problems.Wait.SAME
        return problems.Wait.MANY if self._numbers[lane, person] >= MOST_EACH else None


RUNNING: Final = Running()
