"""Messages about rooms, buildings, devices and personal preferences."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

ROOMS: Mapping[str, object] = {
    # Rooms
    "room.saved": _("%(room)s is saved."),
    "room.saved_with_new_people": _("%(room)s is saved. %(then)s"),
    "room.unchanged": _("Nothing to save: nothing was changed."),
    "room.saved_already": _("This was saved already."),
    "room.name_taken": _("%(building)s already has a room named %(room)s."),
    "room.changed": _(
        "%(person)s has changed this room since you opened the form, so nothing was saved. Your entries are still here. Check the room "
        "in another tab, then save again to keep yours."
    ),
    "room.archived": _("%(room)s is archived. Its link still works at Google; nothing was deleted."),
    "room.restored": _("%(room)s is back in use."),
    "room.refreshed": _("%(room)s refreshed."),
    "room.nothing_to_refresh": _("This room has no Meet link to refresh."),
    "room.seeded": ngettext_lazy("%(n)s room added with its link", "%(n)s rooms added with their links", "n"),
    # Buildings
    "building.saved": _("%(building)s is saved."),
    "building.name_taken": _("There is already a building named %(name)s."),
    "building.code_taken": _("Another building has the code %(code)s."),
    "building.deleted": _("%(building)s is deleted."),
    "building.has_admins": _(
        "%(person)s is limited to %(building)s, so it was not deleted. Change their buildings first."
    ),
    "building.has_rooms": _(
        "%(building)s has rooms, so it was not deleted. Move its rooms first, archived ones too."
    ),
    # Devices
    "device.not_listed": _("This participant is no longer listed. Nothing was saved."),
    "device.no_account": _(
        "This participant joined without a Google account and cannot be recognised again. Nothing was saved."
    ),
    "device.signs_in": _("%(name)s signs in to Meetadmin, so this is a person's account. Nothing was saved."),
    "device.is_device": _("%(name)s now counts as a room device."),
    "device.is_person": _("%(name)s now counts as a person."),
    # Preferences
    "favourite.added": _("%(room)s was added to your favourites."),
    "favourite.removed": _("%(room)s was removed from your favourites."),
    "filter.saved": _("These filters are saved as “%(name)s”."),
    "filter.replaced": _("“%(name)s” now stands for these filters."),
    "filter.too_many": _("You keep %(number)s filters already. Delete one under “Your settings” first."),
    "filter.deleted": _("The saved filter is deleted."),
    "columns.saved": _("The list has these columns now."),
}
