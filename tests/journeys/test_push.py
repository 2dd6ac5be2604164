"""What happens at Google reaches the database by real pushes, through web server, broker and worker."""

import sqlite3
from contextlib import closing

import pytest

from tests.journeys.conftest import Stack
from tests.support.push import wait_until

pytestmark = pytest.mark.journey


def asked(stack: Stack, question: str, *values: str) -> list[tuple[object, ...]]:
    """What the stack's own database answers."""
    with closing(sqlite3.connect(stack.logs / "db.sqlite3", timeout=10)) as database:
        return database.execute(question, values).fetchall()


def test_a_call_begins_grows_and_ends_by_push_alone(stack: Stack) -> None:
    wait_until(lambda: bool(stack.google.control("GET", "subscriptions")["subscriptions"]), seconds=30)
    mailboxes = {one["email"] for one in stack.google.control("GET", "subscriptions")["subscriptions"]}
    idle = stack.room(lambda room: room["call"] is None and room["account"] in mailboxes)
    call = stack.google.start_conference(idle["space"], {"email": "engineer-01@example.com"})
    record = call["name"]

    def followed(kind: str) -> bool:
        question = "SELECT 1 FROM spaces_event WHERE record = ? AND type LIKE ? AND outcome = 'followed'"
        return bool(asked(stack, question, record, f"%.{kind}"))

    def in_the_room() -> list[tuple[object, ...]]:
        question = "SELECT c.people FROM spaces_space s JOIN spaces_conference c ON c.id = s.conference_id WHERE c.record = ?"
        return asked(stack, question, record)

    wait_until(lambda: followed("started"))
    wait_until(lambda: in_the_room() == [(1,)])
    identifier = record.split("/")[1]
    stack.google.control("POST", f"conferences/{identifier}/join", {"email": "engineer-02@example.com"})
    wait_until(lambda: followed("joined") and in_the_room() == [(2,)])
    stack.google.control("POST", f"conferences/{identifier}/end")
    wait_until(lambda: followed("ended") and not in_the_room())
    [push] = stack.google.control("GET", "push")["subscriptions"]
    assert push["counts"]["acknowledged"] >= 3
