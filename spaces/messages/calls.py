"""Messages about calls."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

CALLS: Mapping[str, object] = {
    # Why a call is not ended
    "call.no_link": _("This room has no Meet link, so there is no call to end."),
    "call.made_elsewhere": _(
        "This Meet link was not created by Meetadmin. Google lets only the app that created a link end its calls. End it from within "
        "the call, or ask an admin to give the room a new link."
    ),
    "call.not_owned": _(
        "No connected account owns this Meet link, so Google would refuse to end the call. Its owner or somebody in the call can end it "
        "there."
    ),
    "call.state_unknown": _(
        "Google does not show whether a call is running in this room, so nothing was sent. Try again in a minute."
    ),
    "call.changed": _(
        "Another call has started in this room since you opened the page, so nothing was ended. Check the room again before you end "
        "that call."
    ),
    # What an attempt came to
    "call.refused": _(
        "Google refused to end the call, although Meetadmin created this Meet link. Try again in a minute. If Google refuses again, end "
        "it from within the call."
    ),
    "call.still_running": _("%(why)s The call is still running."),
    "call.not_confirmed": _("Google reports no running call, but did not confirm it. Refresh the room."),
    "call.refused_unseen": _("Google refused to end the call and did not show whether it is still running."),
    "call.over_by_reading": _(
        "Google's answer was lost. Reading the room again shows that the call is over."
    ),
    "call.over_by_others": _("The call ended at the same time, but not by this request."),
    "call.over_already": _("The call was already over. Nothing was sent."),
    "call.room_over_already": _("The call in %(room)s was already over."),
    # Afterwards
    "call.ended": _("The call in %(room)s is over. Its link stays the same. %(then)s"),
    "call.ending": _(
        "Google has ended the call in %(room)s. This can take some seconds to appear here. %(then)s"
    ),
    "call.ended_unchecked": _(
        "The call in %(room)s is over. Its link stays the same. The check afterwards failed, so this page may be out of date."
    ),
    "call.ended_link_replaced": _("The call is over. Its room has been given another link meanwhile."),
    "call.settings_restored": _("Google had changed some settings (%(names)s). They were restored."),
    "call.restored_after_end": _(
        "Google changed settings when %(person)s ended the call. They were restored."
    ),
    "call.rejoin_open": _("People can rejoin with the same link, perhaps not immediately."),
    "call.rejoin_trusted": _("Colleagues can rejoin with the same link, perhaps not immediately."),
    "call.rejoin_restricted": _("Perhaps nobody can rejoin until a host is back."),
    "call.rejoin_unknown": _("People may be unable to rejoin for a while."),
    "call.names_shown": ngettext_lazy("%(n)s name shown", "%(n)s names shown", "n"),
}
