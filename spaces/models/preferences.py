"""What a person has arranged for themselves: stars, saved filters, columns. Nobody else reads it, and no right hangs on it."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower

SAVED_AT_MOST = 30  # filters a person may keep


class Favourite(models.Model):
    """A star that a person gave a room."""

    person = models.ForeignKey("spaces.Person", on_delete=models.CASCADE, related_name="favourites")
    room = models.ForeignKey("spaces.Room", on_delete=models.CASCADE, related_name="stars")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "room"], name="one_star_each")]

    def __str__(self) -> str:
        return f"{self.person_id}: {self.room_id}"


class SavedFilter(models.Model):
    """A list of rooms that a person comes back to: a name for a query string of the overview."""

    person = models.ForeignKey("spaces.Person", on_delete=models.CASCADE, related_name="saved_filters")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000)

    class Meta:
        ordering = [Lower("name")]
        constraints = [
            models.UniqueConstraint("person", Lower("name"), name="saved_filter_name_once_a_person")
        ]

    def __str__(self) -> str:
        return self.name


class Preferences(models.Model):
    """How a person wants the pages to be. Who has chosen nothing has no row."""

    person = models.OneToOneField("spaces.Person", on_delete=models.CASCADE, related_name="preferences")
    columns = models.JSONField(
        null=True, blank=True, help_text="Columns of the overview that are shown; null: nothing was chosen."
    )

    objects: ClassVar[models.Manager["Preferences"]] = models.Manager()

    def __str__(self) -> str:
        return str(self.person_id)
