"""What slices add to the pages of the core. The core names the places; a slice registers in its `AppConfig.ready`."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

from django.utils.functional import Promise

Place = Literal["status", "banners", "empty_calls", "wall_status", "wall_banners"]
"""Where a page shows fragments: in its header, above its content, in a list of calls without rows, and the same two on the wall."""


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """A page in the navigation and in the command bar, for people with this general permission."""

    url_name: str
    label: str | Promise
    icon: str
    permission: str


navigation: list[NavigationEntry] = []
_fragments: defaultdict[Place, list[str]] = defaultdict(list)


def add_fragment(place: Place, template: str) -> None:
    """Show a template at this place. It is rendered with the page's context, to which a slice adds with a context processor."""
    _fragments[place].append(template)


def fragments(place: Place) -> tuple[str, ...]:
    """Return the templates to show at this place, in the order in which they were added."""
    return tuple(_fragments[place])
