"""Moving an installation to another database, with Django's own commands, as docs/operate.md tells."""

from pathlib import Path

from django.core.management import call_command

from spaces.models import Ownership, Person, Room
from tests import factories


def test_what_was_dumped_is_loaded_whole_and_new_rows_follow(transactional_db, admin, owner, tmp_path: Path):
    account = factories.make_account("rooms-ber@example.com", sealed_token="k1:sealed")
    room = factories.make_room("Berlin 3.14", owners=(owner,), space=factories.make_space(account=account))
    everything = tmp_path / "all.json"
    # What Django makes by itself in each database has other numbers there.
    made_by_django = ["contenttypes", "auth.permission"]
    call_command("dumpdata", exclude=made_by_django, output=str(everything), verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    assert not Person.objects.exists()
    call_command("loaddata", str(everything), verbosity=0)
    again = Room.objects.select_related("space__account").get(pk=room.pk)
    assert (again.name, again.space) == ("Berlin 3.14", room.space)
    assert again.space is not None
    assert again.space.account is not None
    assert again.space.account.sealed_token == account.sealed_token
    assert set(Person.objects.all()) == {admin, owner}
    assert Ownership.objects.get().person == owner
    assert factories.make_room("The next one").pk > room.pk
