"""What a person arranges for themselves: stars, saved filters, columns; and the keys that work."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from spaces.actions import preferences
from spaces.forms import ColumnsForm, SavedFilterForm
from spaces.models import Preferences, SavedFilter
from spaces.views.columns import chosen_columns
from spaces.views.replies import Request, back, carry_out, page
from spaces.views.rooms import find


@require_GET
def settings(request: Request) -> HttpResponse:
    """Everything a person has arranged."""
    found = Preferences.objects.filter(person=request.user).first()
    context = {
        "columns_form": ColumnsForm(initial={"columns": list(chosen_columns(found))}),
        "saved": SavedFilter.objects.filter(person=request.user),
    }
    return page(request, "preferences.html", context)


@require_GET
def keys(request: Request) -> HttpResponse:
    """The keys that work, for the dialog that `?` opens; a page for who comes by link."""
    return page(request, "keys.html", {}, partial="dialog")


@require_POST
def star(request: Request, slug: str) -> HttpResponse:
    """Make a room a favourite or stop it being one."""
    room = find(request, slug)
    preferences.star(room=room, on=request.POST.get("on") == "1", actor=request.user)
    return back(request, reverse("overview"))


@require_POST
def save_filter(request: Request) -> HttpResponse:
    """Keep the filters that are set under a name."""
    form = SavedFilterForm(request.POST)
    if not form.is_valid():
        return render(request, "save_filter.html", {"form": form}, status=422)
    values = form.cleaned_data
    carry_out(
        request,
        lambda: preferences.save_filter(name=values["name"], query=values["query"], actor=request.user),
    )
    return redirect(f"{reverse('overview')}?{values['query']}")


@require_POST
def drop_filter(request: Request, pk: int) -> HttpResponse:
    """Delete one of one's own saved filters."""
    carry_out(request, lambda: preferences.drop_filter(saved=pk, actor=request.user))
    return back(request, reverse("preferences"))


@require_POST
def columns(request: Request) -> HttpResponse:
    """Choose the columns of the overview."""
    form = ColumnsForm(request.POST)
    if form.is_valid():
        chosen = form.cleaned_data["columns"]
        carry_out(request, lambda: preferences.choose_columns(columns=chosen, actor=request.user))
    return back(request, reverse("overview"))
