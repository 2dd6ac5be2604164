"""What slices add to the pages of the core."""

from collections import defaultdict

import pytest
from django.template import Context, Template

from spaces import registry

pytestmark = pytest.mark.django_db
PLACE = "{% load fragments %}{% fragments 'banners' as found %}{% if found %}<b>{{ found }}</b>{% endif %}"


@pytest.fixture
def nothing_registered(monkeypatch) -> None:
    monkeypatch.setattr(registry, "navigation", [])
    monkeypatch.setattr(registry, "contexts", [])
    monkeypatch.setattr(registry, "_fragments", defaultdict(list))


@pytest.mark.parametrize("address", ["/", "/?tv=1", "/?state=ageing", "/mine/", "/command/", "/google/"])
def test_pages_work_without_slices(nothing_registered, admin, sign_in, address):
    reply = sign_in(admin).get(address)
    assert reply.status_code == 200
    assert 'href="/system/"' not in reply.content.decode()


def test_fragments_are_rendered_in_order_with_the_context_of_the_page(nothing_registered):
    registry.add_fragment("banners", "monitoring/_problems.html")
    registry.add_fragment("banners", "monitoring/_problems.html")
    problem = {"level": "critical"}
    html = Template(PLACE).render(Context({"problems": [(problem, "a < b")]}))
    assert html.count('class="banner critical"') == 2
    assert html.count("a &lt; b") == 2


def test_place_without_fragments_is_empty(nothing_registered):
    assert Template(PLACE).render(Context()) == ""


def test_fragment_that_shows_nothing_is_empty(nothing_registered):
    registry.add_fragment("banners", "monitoring/_problems.html")
    assert Template(PLACE).render(Context({"problems": []})) == ""


def test_navigation_entry_needs_its_permission(admin, colleague, sign_in):
    assert 'href="/system/"' in sign_in(admin).get("/mine/").content.decode()
    assert 'href="/system/"' not in sign_in(colleague).get("/mine/").content.decode()
