"""Pages and forms about a room's Meet space: create, adopt, configure, refresh."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from spaces import access
from spaces.access import Permission
from spaces.actions import spaces
from spaces.actions.settings_change import SettingsChange
from spaces.forms import AdoptForm, ConfigureForm, CreateSpaceForm
from spaces.google import config
from spaces.models import Room
from spaces.sync.clients import owners_for
from spaces.views.lanes import calls_google
from spaces.views.replies import Request, back, carry_out, page, posted
from spaces.views.rooms import find


@require_http_methods(["GET", "POST"])
@calls_google()
def create(request: Request, slug: str) -> HttpResponse:
    """A new space for the room."""
    room = find(request, slug)
    access.require(request.user, Permission.SPACE_CREATE, room)
    accounts = owners_for(request.user)
    form = CreateSpaceForm(posted(request), current={}, new=True, accounts=accounts)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        change = spaces.check_create(
            room=room, account=values["account"], wanted=form.wanted, actor=request.user
        )
        if isinstance(change, spaces.CreateChange) and change.blocks_joining and not values["sure"]:
            form.not_sure()
        elif carry_out(
            request,
            lambda: spaces.create(
                room=room,
                account=values["account"],
                wanted=form.wanted,
                reason=values["reason"],
                actor=request.user,
                key=values["key"],
            ),
        ):
            return redirect(room)
        else:
            form = _again(CreateSpaceForm, form, current={}, new=True, accounts=accounts)
    context = {"form": form, "room": room, "accounts": access.link_accounts_for(request.user)}
    return page(request, "space_create.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@calls_google()
def adopt(request: Request, slug: str) -> HttpResponse:
    """An existing space for the room, by pasted code or link."""
    room = find(request, slug)
    access.require(request.user, Permission.SPACE_ADOPT, room)
    accounts = owners_for(request.user)
    form = AdoptForm(posted(request), accounts=accounts)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        if carry_out(
            request,
            lambda: spaces.adopt(
                room=room,
                text=values["text"],
                account=values["account"],
                reason=values["reason"],
                actor=request.user,
                key=values["key"],
            ),
        ):
            return redirect(room)
        form = _again(AdoptForm, form, accounts=accounts)
    return page(request, "space_adopt.html", {"form": form, "room": room}, status=422 if form.errors else 200)


def _again(kind: Any, form: Any, **extra: Any) -> Any:
    """The same form with what was typed and a new key: the earlier attempt is over and recorded, this would be another."""
    return kind(
        initial={name: value for name, value in form.cleaned_data.items() if name != "key"} | _raw(form),
        **extra,
    )


def _raw(form: Any) -> dict[str, Any]:
    return {name: form.data.get(name) for name in form.fields if "__" in name or name in config.BY_PATH}


@require_http_methods(["GET", "POST"])
@calls_google()
def configure(request: Request, slug: str) -> HttpResponse:
    """The settings in two steps: choose, then read in words what will change, and save."""
    room = find(request, slug)
    access.require(request.user, Permission.SETTINGS_CHANGE, room)
    current = _current(room)
    form = ConfigureForm(posted(request), current=current, initial={"seen": current})
    context: dict[str, Any] = {"room": room, "space": room.space, "form": form}
    if request.method == "POST" and form.is_valid():
        if request.POST.get("step") == "back":
            return page(request, "configure.html", context)
        values = form.cleaned_data
        change = spaces.check_configure(
            room=room, wanted=form.wanted, seen=values["seen"], actor=request.user
        )
        saving = request.POST.get("step") == "save"
        if saving and isinstance(change, SettingsChange) and change.blocks_joining and not values["sure"]:
            form.not_sure()
            saving = False
        if isinstance(change, SettingsChange) and not saving:
            context["change"] = change
            return page(request, "configure_confirm.html", context, status=422 if form.errors else 200)
        if carry_out(
            request,
            lambda: spaces.configure(
                room=room,
                wanted=form.wanted,
                seen=values["seen"],
                reason=values["reason"],
                actor=request.user,
                key=values["key"],
            ),
        ):
            return redirect(f"{room.get_absolute_url()}?tab=settings")
        room = find(request, slug)
        form = _again(ConfigureForm, form, current=_current(room))
        form.initial["seen"] = _current(room)
        context |= {"form": form, "space": room.space}
    return page(request, "configure.html", context, status=422 if form.errors else 200)


def _current(room: Room) -> dict[str, str]:
    return dict(room.space.settings) if room.space else {}


@require_POST
@calls_google()
def refresh(request: Request, slug: str) -> HttpResponse:
    """Ask Google about this room now."""
    room = find(request, slug)
    carry_out(request, lambda: spaces.refresh(room=room, actor=request.user))
    return back(request, room.get_absolute_url())
