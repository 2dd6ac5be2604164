"""Buildings."""

import pytest

from spaces import audit
from spaces.access import NotAllowed
from spaces.actions import buildings
from spaces.models import AuditEntry, Building, Role
from tests import factories


def test_a_building_is_made_once_and_written_down(admin):
    made = buildings.add(name=" Tower ", actor=admin)
    assert (made.name, made.code) == ("Tower", "TOWER")
    assert buildings.add(name="tower", actor=admin) == made
    assert AuditEntry.objects.get().target == "Building Tower"


def test_no_building_without_its_row_in_the_trail(admin, monkeypatch):
    def die(**_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(audit, "note", die)
    with pytest.raises(SystemExit):
        buildings.add(name="Tower", actor=admin)
    assert not Building.objects.exists()


def test_an_admin_of_some_buildings_adds_none(db):
    limited = factories.make_person("berlin-admin@example.com", role=Role.ADMIN)
    limited.buildings.set([factories.make_building()])
    with pytest.raises(NotAllowed):
        buildings.add(name="Tower", actor=limited)
    assert Building.objects.count() == 1
