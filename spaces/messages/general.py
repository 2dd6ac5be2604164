"""Messages of every noun."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

GENERAL: Mapping[str, object] = {
    "request.duplicate": _("This was already requested at %(at)s. Result: %(result)s."),
    "request.duplicate_because": _("This was already requested at %(at)s. Result: %(result)s. %(detail)s"),
    "request.pending": _(
        "This was already requested at %(at)s and its result is not known yet. Nothing was sent again. Refresh the room to see its "
        "state."
    ),
    "result.done": _("done"),
    "result.already": _("nothing was left to do"),
    "result.refused": _("rejected"),
    "result.failed": _("failed"),
}
