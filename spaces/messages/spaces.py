"""Messages about Meet links and their settings."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

SPACES: Mapping[str, object] = {
    # Links
    "link.created": _("%(room)s now has the link %(code)s."),
    "link.created_partly": _(
        "%(room)s now has the link %(code)s. Google did not accept: %(names)s. The room's page shows the current settings."
    ),
    "link.creation_unknown": _(
        "Google did not answer clearly. A link may have been created that nobody can find or delete, and the room does not have it. Try "
        "again when Google answers. (%(why)s)"
    ),
    "link.adopted": _("%(room)s now has the link %(code)s."),
    "link.adopted_not_owned": _(
        "%(room)s now has the link %(code)s, but no connected account owns it. Meetadmin cannot show its calls, change its settings or "
        "end its calls."
    ),
    "link.adopted_made_elsewhere": _(
        "%(room)s now has the link %(code)s. Another app created it: its settings can be changed here, but Google lets only that app end "
        "its calls."
    ),
    "link.hidden": _(
        "Google shows no meeting for %(code)s to our accounts. The code may have expired, be mistyped or belong to a hidden meeting."
    ),
    "link.taken": _(
        "This link already belongs to %(room)s (%(building)s). Two rooms with one link would end each other's calls."
    ),
    "link.taken_meanwhile": _("Another room was given this link at the same time."),
    "link.from_other_building": _(
        "This link belonged to a room outside your buildings, and its call history would come with it. Ask an admin of that building, or "
        "create a new link."
    ),
    # Settings
    "settings.no_link": _("This room has no Meet link to configure."),
    "settings.not_owned": _("No connected account owns this Meet link, so Google would refuse the change."),
    "settings.hidden": _("Google did not show the settings of this Meet link. Nothing was saved. Try again."),
    "settings.changed": _(
        "Somebody has changed these settings meanwhile: %(names)s. Nothing was saved. Your choices are below, compared with the current "
        "settings."
    ),
    "settings.saved": _("The settings of %(room)s are saved."),
    "settings.unchanged": _("Nothing to save: these settings were in force already."),
    "settings.refused": _("Google did not accept: %(names)s."),
    "settings.saved_partly": _(
        "Google did not accept: %(names)s. The room's page shows the current settings."
    ),
    "setting.refused": "%(name)s (%(why)s)",
    "setting.no_effect": _("it has no effect while host management is off"),
    "setting.organisation_rule": _("a rule of the organisation keeps it as it was"),
    # Who is locked out where nobody hosts
    "settings.nobody_admits": _(
        "A room account is never in the call to admit people. Nobody could let in those who ask to join, colleagues included, and after a "
        "call is ended nobody may be able to rejoin."
    ),
    "settings.nobody_chats": _("Nobody could write in the chat."),
    "settings.nobody_reacts": _("Nobody could send reactions."),
    "settings.nobody_presents": _("Nobody could share the screen."),
    "settings.nobody_speaks": _("Everybody could only watch and listen, and nobody could let them speak."),
}
