"""The audit log."""

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.views.decorators.http import require_GET

from spaces import access
from spaces.access import Permission
from spaces.forms import AuditFilterForm
from spaces.models import AuditEntry
from spaces.views.replies import Request, page


@require_GET
def audit_log(request: Request) -> HttpResponse:
    """List who did what, newest first; `outcome=open`: entries whose result is not known."""
    access.require(request.user, Permission.AUDIT_READ)
    form = AuditFilterForm(request.GET)
    form.is_valid()
    found = access.visible_audit(request.user)
    if text := form.cleaned_data.get("q"):
        found = found.filter(
            Q(target__icontains=text)
            | Q(actor_name__icontains=text)
            | Q(action__icontains=text)
            | Q(reason__icontains=text)
            | Q(space_name=text)
        )
    outcome = form.cleaned_data.get("outcome")
    if outcome == "open":
        found = found.filter(outcome__in=[AuditEntry.Outcome.STARTED, AuditEntry.Outcome.UNKNOWN])
    elif outcome:
        found = found.filter(outcome=outcome)
    context = {"form": form, "leaf": Paginator(found, 50).get_page(request.GET.get("page"))}
    return page(request, "audit.html", context)
