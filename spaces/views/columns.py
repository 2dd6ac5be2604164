"""The columns of the overview's list: which a person has, and what a click on their heads does."""

from collections.abc import Collection
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from spaces.forms import COLUMNS
from spaces.models import Preferences

TELLING = {"people", "since", "seen"}  # orders that would tell of calls


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the list, and what a click on its head does. `sort` is empty where it cannot be ordered by."""

    key: str
    label: str | Promise
    sort: str = ""  # what the click asks for
    order: str = ""  # how it is ordered by now, as aria-sort says it

    @property
    def look(self) -> str:
        """The classes of its cells; numbers are read from the right."""
        name = {"state": "about", "people": "in"}.get(self.key, self.key)
        return f"{name} num" if self.key in {"since", "seen"} else name


# Sort key of a column, and whether its first order counts as rising.
ORDERS = {"room": ("name", True), "people": ("people", False), "since": ("since", False), "code": ("code", True),
          "seen": ("seen", True)}  # fmt: skip


def heads(wanted: Collection[str], sort: str, *, sees_all_calls: bool) -> list[Column]:
    """The heads of the columns: a first click orders, a second turns it round, a third goes back to what needs action."""
    labels = {key: label for key, label, _shown in COLUMNS if key in wanted}
    found = []
    for key, label in ({"room": gettext_lazy("Room"), "state": gettext_lazy("State")} | labels).items():
        by, rising = ORDERS.get(key, ("", True))
        if by in TELLING and not sees_all_calls:
            by = ""
        following, order = by, ""
        if by and sort == by:
            following, order = f"-{by}", "ascending" if rising else "descending"
        elif by and sort == f"-{by}":
            following, order = "need", "descending" if rising else "ascending"
        found.append(Column(key, label, following, order))
    return found


def chosen_columns(preferences: Preferences | None) -> tuple[str, ...]:
    """The columns that this person's list has."""
    if preferences is None or preferences.columns is None:
        return tuple(key for key, _label, shown in COLUMNS if shown)
    return tuple(key for key, _label, _shown in COLUMNS if key in preferences.columns)
