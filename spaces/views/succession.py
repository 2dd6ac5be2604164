"""Two entries that are one person, and rooms of somebody who leaves: each page shows what would happen before it is done."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST

from spaces import access
from spaces.access import Permission
from spaces.actions import succession
from spaces.audit import ActionRejected
from spaces.forms import AddressForm, HandOverForm, MergeForm, SettleForm
from spaces.models import Person
from spaces.views.replies import Request, carry_out, page, posted


def _asked(request: Request, name: str) -> tuple[str, str]:
    """The address that was asked for, or what is wrong with it; both are empty while none is."""
    form = AddressForm({"address": (request.POST if request.method == "POST" else request.GET).get(name, "")})
    if form.is_valid():
        return form.cleaned_data["address"], ""
    return "", str(form.errors["address"][0])


def _initial(request: Request, name: str) -> dict[str, str]:
    """What was typed on the way to the preview."""
    return {key: request.GET.get(key, "") for key in (name, "reason")}


@require_http_methods(["GET", "POST"])
def merge(request: Request, pk: int) -> HttpResponse:
    """Say that this entry and another one (`other`, by address) are the same person."""
    access.require(request.user, Permission.PEOPLE_MERGE)
    found = get_object_or_404(Person, pk=pk)
    address, problem = _asked(request, "other")
    form = MergeForm(posted(request), initial=_initial(request, "other"))
    plan = None
    other = Person.objects.by_address(address) if address else None
    if other:
        try:
            plan = succession.plan_merge(found, other)
        except ActionRejected as refusal:
            problem = str(refusal.message)
    if request.method == "POST" and form.is_valid() and other:
        values = form.cleaned_data
        if carry_out(
            request,
            lambda: succession.merge(
                person=found, other=other, reason=values["reason"], actor=request.user, key=values["key"]
            ),
        ):
            return redirect("person", pk=plan.kept.pk if plan else found.pk)
    context = {
        "person": found,
        "form": form,
        "address": address,
        "plan": plan,
        "problem": problem,
        "unknown": bool(address) and other is None,
    }
    return page(request, "person_merge.html", context, status=422 if request.method == "POST" else 200)


@require_POST
def keep_apart(request: Request, pk: int) -> HttpResponse:
    """Say that the Google account which uses this person's address now is somebody else."""
    access.require(request.user, Permission.PEOPLE_MERGE)
    found = get_object_or_404(Person, pk=pk)
    form = SettleForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    carry_out(request, lambda: succession.keep_apart(person=found, reason=reason, actor=request.user))
    return redirect("person", pk=pk)


@require_POST
def separate(request: Request, pk: int) -> HttpResponse:
    """Let an account that was merged by mistake sign in again."""
    access.require(request.user, Permission.PEOPLE_MERGE)
    found = get_object_or_404(Person, pk=pk)
    form = SettleForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    carry_out(request, lambda: succession.separate(person=found, reason=reason, actor=request.user))
    return redirect("person", pk=pk)


@require_http_methods(["GET", "POST"])
def hand_over(request: Request, pk: int) -> HttpResponse:
    """Give all rooms of this person to somebody else (`to`, by address)."""
    access.require(request.user, Permission.PEOPLE_SUCCEED)
    found = get_object_or_404(Person, pk=pk)
    address, problem = _asked(request, "to")
    form = HandOverForm(posted(request), initial=_initial(request, "to"))
    plan = None
    if address:
        try:
            plan = succession.plan_hand_over(found, address)
        except ActionRejected as refusal:
            problem = str(refusal.message)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        if carry_out(
            request,
            lambda: succession.hand_over(
                person=found,
                to=values["to"],
                deputies=values["deputies"],
                reason=values["reason"],
                actor=request.user,
                key=values["key"],
            ),
        ):
            return redirect("person", pk=pk)
    context = {"person": found, "form": form, "address": address, "plan": plan, "problem": problem}
    return page(request, "person_hand_over.html", context, status=422 if request.method == "POST" else 200)
