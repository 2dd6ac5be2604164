"""Addresses of the application. They are part of the interface: people bookmark them and print them on door signs."""

from django.urls import path

from spaces.views import (
    accounts,
    conferences,
    history,
    language,
    lookup,
    people,
    roompage,
    rooms,
    spaces,
    system,
)

urlpatterns = [
    path("", rooms.overview, name="overview"),
    path("rooms/new/", rooms.new, name="room_new"),
    path("rooms/<slug:slug>/", roompage.room, name="room"),
    path("rooms/<slug:slug>/card/", roompage.card, name="room_card"),
    path("rooms/<slug:slug>/edit/", rooms.edit, name="room_edit"),
    path("rooms/<slug:slug>/archive/", rooms.archive, name="room_archive"),
    path("rooms/<slug:slug>/restore/", rooms.restore, name="room_restore"),
    path("rooms/<slug:slug>/refresh/", spaces.refresh, name="refresh"),
    path("rooms/<slug:slug>/end/", conferences.end, name="end"),
    path("rooms/<slug:slug>/reveal/", conferences.reveal, name="reveal"),
    path("rooms/<slug:slug>/settings/", spaces.configure, name="configure"),
    path("rooms/<slug:slug>/create-space/", spaces.create, name="space_create"),
    path("rooms/<slug:slug>/adopt-space/", spaces.adopt, name="space_adopt"),
    path("r/<slug:slug>", roompage.join, name="join"),
    path("lookup/", lookup.look_up, name="lookup"),
    path("lookup/ask/", lookup.ask, name="lookup_ask"),
    path("mine/", rooms.mine, name="mine"),
    path("people/", people.everybody, name="people"),
    path("people/<int:pk>/", people.person, name="person"),
    path("people/<int:pk>/switch/", people.switch, name="person_switch"),
    path("audit/", history.trail, name="audit"),
    path("google/", accounts.overview, name="accounts"),
    path("google/connect/", accounts.connect, name="connect"),
    path("accounts/connect/callback/", accounts.connected, name="connect_callback"),
    path("google/<int:pk>/disconnect/", accounts.disconnect, name="disconnect"),
    path("google/<int:pk>/test/", accounts.test, name="account_test"),
    path("language/", language.language, name="language"),
    path("healthz", system.healthz, name="healthz"),
    path("readyz", system.readyz, name="readyz"),
]
