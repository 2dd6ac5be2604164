"""Invented addresses of earlier versions become addresses that were given up, and back."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

pytestmark = pytest.mark.slow

BEFORE, AFTER = [("spaces", "0012_rooms_by_building")], [("spaces", "0017_people")]


def migrate(to: list[tuple[str, str]]):
    executor = MigrationExecutor(connection)
    executor.migrate(to)
    return executor.loader.project_state(to).apps


@pytest.mark.django_db(transaction=True)
def test_invented_addresses_are_carried_over_both_ways():
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes("spaces")
    try:
        people = migrate(BEFORE).get_model("spaces", "Person").objects
        present = people.create(email="ann@example.com", google_id="2", password="!")
        earlier = people.create(email="x@example.com", google_id="1", password="!")
        people.filter(pk=earlier.pk).update(email=f"former-{earlier.pk}.ann@example.com")
        namesake = people.create(email="former-999.ann@example.com", google_id="3", password="!")

        people = migrate(AFTER).get_model("spaces", "Person").objects
        assert list(
            people.filter(pk=earlier.pk).values_list("email", "former_email", "address_taken_by")
        ) == [(None, "ann@example.com", present.pk)]
        assert people.get(pk=namesake.pk).email == "former-999.ann@example.com"

        people = migrate(BEFORE).get_model("spaces", "Person").objects
        assert people.get(pk=earlier.pk).email == f"former-{earlier.pk}.ann@example.com"
        people.all().delete()
    finally:
        migrate(latest)
