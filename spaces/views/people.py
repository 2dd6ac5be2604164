"""People and their roles."""

from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST

from spaces import access
from spaces.access import Permission
from spaces.actions import people
from spaces.forms import PeopleFilterForm, PersonForm
from spaces.models import Person, PersonAlias
from spaces.views.replies import Request, carry_out, page, posted


@require_http_methods(["GET", "POST"])
def everybody(request: Request) -> HttpResponse:
    """Who has which role; giving one, also before somebody's first sign-in."""
    access.require(request.user, Permission.PEOPLE_MANAGE)
    form = PersonForm(posted(request), initial={"role": "helpdesk"})
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        if carry_out(
            request,
            lambda: people.set_role(
                email=values["email"], role=values["role"], buildings=values["buildings"], actor=request.user
            ),
        ):
            return redirect("people")
    filters = PeopleFilterForm(request.GET)
    filters.is_valid()
    found = (
        Person.objects.filter(merged_into=None)
        .prefetch_related("buildings", "aliases")
        .annotate(owned=Count("ownerships"))
        .order_by("email", "former_email", "pk")
    )
    if text := filters.cleaned_data.get("q"):
        by_alias = PersonAlias.objects.filter(address__icontains=text).values("person")
        found = found.filter(
            Q(email__icontains=text)
            | Q(former_email__icontains=text)
            | Q(name__icontains=text)
            | Q(pk__in=by_alias)
        )
    if role := filters.cleaned_data.get("role"):
        found = found.filter(role=role)
    context = {
        "form": form,
        "filters": filters,
        "leaf": Paginator(found, 50).get_page(request.GET.get("page")),
        "unsettled": Person.objects.exclude(address_taken_by=None).select_related("address_taken_by")[:20],
    }
    return page(request, "people.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def person(request: Request, pk: int) -> HttpResponse:
    """One person: role, buildings, rooms."""
    access.require(request.user, Permission.PEOPLE_MANAGE)
    found = get_object_or_404(Person, pk=pk)
    initial = {
        "email": found.email or found.former_email,
        "role": found.role,
        "buildings": found.buildings.all(),
    }
    form = PersonForm(posted(request), initial=initial)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        if carry_out(
            request,
            lambda: people.change_role(
                person=found, role=values["role"], buildings=values["buildings"], actor=request.user
            ),
        ):
            return redirect("people")
    context = {
        "form": form,
        "person": found,
        "ownerships": found.ownerships.select_related("room__building"),
        "aliases": found.aliases.all(),
        "merged": found.merged.all(),
        "taken": found.addresses_taken.all(),
    }
    return page(request, "person.html", context, status=422 if form.errors else 200)


@require_POST
def switch(request: Request, pk: int) -> HttpResponse:
    """Lock somebody out, or let them in again (`active` = 1)."""
    access.require(
        request.user, Permission.PEOPLE_MANAGE
    )  # before anything is looked for: ids that exist are a fact, too
    found = get_object_or_404(Person, pk=pk)
    active = request.POST.get("active") == "1"
    carry_out(request, lambda: people.set_active(person=found, active=active, actor=request.user))
    return redirect("person", pk=pk)
