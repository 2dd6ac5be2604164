"""What slices add to the core: pages, fragments of pages, and consumers of domain events. A slice registers in its `AppConfig.ready`."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.http import HttpRequest
from django.utils.functional import Promise

Place = Literal["status", "banners", "empty_calls", "accounts", "wall_status", "wall_banners"]
"""Where pages show fragments: in the header, above the content, in a list of calls without rows, above the list of Google accounts; in
the header and above the content of the wall."""


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """A page in the navigation and in the command bar, for people with this general permission."""

    url_name: str
    label: str | Promise
    icon: str
    permission: str


navigation: list[NavigationEntry] = []
contexts: list[Callable[[HttpRequest], dict[str, Any]]] = []
"""What fragments need in the context of every page. Lists that several people share are rendered with it, too: it may depend on the
permissions of the person, not on the person."""
_fragments: defaultdict[Place, list[str]] = defaultdict(list)


def add_fragment(place: Place, template: str) -> None:
    """Show a template at this place. It is rendered with the page's context, to which `contexts` add."""
    _fragments[place].append(template)


def fragments(place: Place) -> tuple[str, ...]:
    """Return the templates to show at this place, in the order in which they were added."""
    return tuple(_fragments[place])


Consumer = Callable[[Sequence[Any]], None]
consumers: dict[str, Consumer] = {}
"""What gets domain events (`spaces.outbox`), by a name that must not change: its cursor is stored under it."""
