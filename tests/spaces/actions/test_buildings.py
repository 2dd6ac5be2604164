"""Adding, editing and deleting buildings."""

import pytest

from spaces import audit
from spaces.access import NotAllowed
from spaces.actions import buildings
from spaces.actions.buildings import BuildingFacts
from spaces.models import AuditEntry, Building, Role
from tests import factories


@pytest.fixture
def limited(db):
    """An admin of Berlin only."""
    person = factories.make_person("berlin-admin@example.com", role=Role.ADMIN)
    person.buildings.set([factories.make_building()])
    return person


def test_building_is_added_once_and_audited(admin):
    made = buildings.ensure(name=" Tower ", actor=admin)
    assert (made.name, made.code, made.time_zone) == ("Tower", "TOWER", "")
    assert buildings.ensure(name="to\u200bWER", actor=admin) == made
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target) == ("building:add", "Tower")


def test_building_is_not_added_without_its_audit_entry(admin, monkeypatch):
    def die(**_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(audit, "note", die)
    with pytest.raises(SystemExit):
        buildings.ensure(name="Tower", actor=admin)
    assert not Building.objects.exists()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("東京", "DONGJING"),
        ("서울", "SEOUL"),
        ("دبي", "DBY"),
        ("Αθήνα", "ATHINA"),
        ("Київ", "KIIV"),
        ("Straße 1", "STRASSE-1"),
    ],
)
def test_code_is_made_of_name_in_every_script(admin, name, code):
    assert buildings.ensure(name=name, actor=admin).code == code


def test_codes_of_similar_names_differ(admin):
    assert buildings.ensure(name="Leipzig", actor=admin).code == "LEIPZIG"
    assert buildings.ensure(name="Leipzig!", actor=admin).code == "LEIPZIG-2"


def test_admin_of_some_buildings_edits_theirs_only(limited):
    berlin, munich = limited.buildings.get(), factories.make_building("MUC")
    with pytest.raises(NotAllowed):
        buildings.ensure(name="Tower", actor=limited)
    with pytest.raises(NotAllowed):
        buildings.edit(building=munich, to=BuildingFacts("Munich", "MUC"), actor=limited)
    with pytest.raises(NotAllowed):
        buildings.delete(building=berlin, actor=limited)
    to = BuildingFacts(berlin.name, berlin.code, "Europe/Berlin", "Street 1")
    buildings.edit(building=berlin, to=to, actor=limited)
    berlin.refresh_from_db()
    assert buildings.facts(berlin) == to


def test_edit_is_audited_with_what_changed(admin):
    made = buildings.ensure(name="Tower", actor=admin)
    buildings.edit(building=made, to=BuildingFacts("Tower", "TWR", "Asia/Tokyo"), actor=admin)
    entry = AuditEntry.objects.filter(action="building:edit").get()
    assert entry.before == {"code": "TOWER", "time_zone": ""}
    assert entry.after == {"code": "TWR", "time_zone": "Asia/Tokyo"}
    buildings.edit(building=made, to=BuildingFacts("Tower", "TWR", "Asia/Tokyo"), actor=admin)
    assert AuditEntry.objects.filter(action="building:edit").count() == 1


def test_edit_is_rejected_when_another_building_has_name_or_code(admin):
    buildings.ensure(name="Tower", actor=admin)
    made = buildings.ensure(name="Annex", actor=admin)
    for to in (BuildingFacts("TOWER", "ANNEX"), BuildingFacts("Annex", "TOWER")):
        with pytest.raises(audit.ActionRejected):
            buildings.edit(building=made, to=to, actor=admin)
    assert Building.objects.get(pk=made.pk).name == "Annex"


def test_building_with_rooms_is_not_deleted(admin):
    room = factories.make_room()
    with pytest.raises(audit.ActionRejected):
        buildings.delete(building=room.building, actor=admin)
    assert Building.objects.filter(pk=room.building_id).exists()
    assert not AuditEntry.objects.filter(action="building:delete").exists()


def test_building_is_not_deleted_while_an_admin_is_limited_to_it(admin, limited):
    with pytest.raises(audit.ActionRejected):
        buildings.delete(building=limited.buildings.get(), actor=admin)
    assert limited.buildings.exists(), "without it they would be admin everywhere"


def test_empty_building_is_deleted(admin):
    made = buildings.ensure(name="Tower", actor=admin)
    buildings.delete(building=made, actor=admin)
    assert not Building.objects.exists()
    assert AuditEntry.objects.filter(action="building:delete", target="Tower").exists()
