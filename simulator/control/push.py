"""``/_control/``, the part about push and reports: what is otherwise done in the consoles of an administrator."""

from dataclasses import asdict, fields
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from simulator.control.part import Address, ControlPart
from simulator.events.state import REASONS, as_json
from simulator.pubsub.state import CREDENTIALS, Habits, Subscription, Topic
from simulator.reading import (
    JSON,
    ControlError,
    a_flag,
    a_number,
    a_text,
    is_loopback_name,
    read_body,
)

_PROBABILITIES = ("duplicates", "drop")


class PushControl(ControlPart):
    """The handlers of topics, push and pull subscriptions, Workspace subscriptions and reports."""

    def addresses(self) -> list[Address]:
        """Every address of this part of the control."""
        return [
            ("GET", "push", self.show),
            ("POST", "push", self.configure),
            ("DELETE", "push", self.remove),
            ("POST", "topics", self.topic),
            ("DELETE", "topics", self.remove_topic),
            ("POST", "publish", self.publish),
            ("GET", "subscriptions", self.subscriptions),
            ("POST", "subscriptions", self.habits),
            ("POST", "subscriptions/{id}/suspend", self.suspend),
            ("GET", "reports", self.show_reports),
            ("POST", "reports", self.reports),
        ]

    # -- Pub/Sub -----------------------------------------------------------------------------------------------

    async def show(self, request: web.Request) -> JSON:
        """GET push: topics and their subscriptions, with counts of what became of the messages."""
        del request
        pubsub = self.machine.pubsub
        return {
            "topics": [asdict(each) for each in pubsub.topics.values()],
            "subscriptions": [each.as_json() for each in pubsub.subscriptions.values()],
        }

    async def topic(self, request: web.Request) -> JSON:
        """POST topics: make a topic, or give and take Meet's right to publish to it."""
        body = await read_body(request, allowed={"name", "publisher"})
        name = _name(body, "name", "topics")
        found = self.machine.pubsub.topics.setdefault(name, Topic(name))
        found.publisher = a_flag(body, "publisher", default=found.publisher)
        self._changed()
        return asdict(found)

    async def remove_topic(self, request: web.Request) -> JSON:
        """DELETE topics?name=: subscriptions to it stay, and hear nothing any more."""
        if self.machine.pubsub.topics.pop(request.query.get("name", ""), None) is None:
            raise ControlError("There is no such topic.", 404)
        self._changed()
        return {}

    async def configure(self, request: web.Request) -> JSON:
        """POST push: make or change a subscription; what is not named stays. Without push_endpoint it is for pulling."""
        plain = {"push_endpoint", "service_account", "audience"}
        habits = {each.name for each in fields(Habits)}
        body = await read_body(request, allowed={"name", "topic", "subscriber", *plain, *habits})
        pubsub = self.machine.pubsub
        name = _name(body, "name", "subscriptions")
        found = pubsub.subscriptions.get(name)
        topic = _name(body, "topic", "topics") if found is None or "topic" in body else found.topic
        if topic not in pubsub.topics:
            raise ControlError(f"There is no topic {topic}.", 404)
        texts = {each: _optional(body, each, getattr(found, each, "")) for each in plain}
        if texts["push_endpoint"]:
            _check_endpoint(texts["push_endpoint"])
        wanted = _habits(body, found.habits if found else Habits())
        subscriber = a_flag(body, "subscriber", default=found.subscriber if found else True)
        if found is None:
            found = pubsub.subscriptions[name] = Subscription(name, topic)
        found.topic, found.subscriber, found.habits = topic, subscriber, wanted
        found.push_endpoint, found.service_account = texts["push_endpoint"], texts["service_account"]
        found.audience = texts["audience"]
        self._changed()
        return found.as_json()

    async def remove(self, request: web.Request) -> JSON:
        """DELETE push?name=."""
        if self.machine.pubsub.subscriptions.pop(request.query.get("name", ""), None) is None:
            raise ControlError("There is no such subscription.", 404)
        self._changed()
        return {}

    async def publish(self, request: web.Request) -> JSON:
        """POST publish: any message, for instance one that no receiver can read."""
        body = await read_body(request, allowed={"topic", "data", "attributes", "ordering_key"})
        topic = _name(body, "topic", "topics")
        if topic not in self.machine.pubsub.topics:
            raise ControlError(f"There is no topic {topic}.", 404)
        attributes = body.get("attributes", {})
        if not isinstance(attributes, dict) or not all(isinstance(each, str) for each in attributes.values()):
            raise ControlError("attributes must be an object of texts.")
        message = self.machine.pubsub.publish(
            topic,
            str(body.get("data", "")).encode(),
            attributes=attributes,
            ordering_key=str(body.get("ordering_key", "")),
        )
        return {"messageId": message.id}

    def _changed(self) -> None:
        self.machine.world.version += 1
        self.machine.news.set()

    # -- Workspace Events --------------------------------------------------------------------------------------

    async def subscriptions(self, request: web.Request) -> JSON:
        """GET subscriptions: those of everybody, with the address of who made them."""
        del request
        events = self.machine.events
        found = events.subscriptions.values()
        return {
            "subscriptions": [{**as_json(events.world, each), "email": each.email} for each in found],
            **asdict(events.habits),
        }

    async def habits(self, request: web.Request) -> JSON:
        """POST subscriptions: what the service leaves open."""
        body = await read_body(request, allowed={"operation_seconds", "silent_without_role"})
        habits = self.machine.events.habits
        habits.operation_seconds = a_number(body, "operation_seconds", habits.operation_seconds)
        habits.silent_without_role = a_flag(body, "silent_without_role", default=habits.silent_without_role)
        self.machine.world.version += 1
        return asdict(habits)

    async def suspend(self, request: web.Request) -> JSON:
        """POST subscriptions/{id}/suspend: as Google does, for one of its reasons."""
        body = await read_body(request, allowed={"reason"})
        reason = a_text(body, "reason", "OTHER")
        if reason not in REASONS:
            raise ControlError(f"reason must be one of {', '.join(REASONS)}.")
        found = self.machine.events.subscriptions.get(request.match_info["id"])
        if found is None:
            raise ControlError("There is no such subscription.", 404)
        self.machine.events.suspend(found, reason)
        return as_json(self.machine.world, found)

    # -- reports ---------------------------------------------------------------------------------

    async def show_reports(self, request: web.Request) -> JSON:
        """GET reports: how the log is written."""
        del request
        return asdict(self.machine.reports.habits)

    async def reports(self, request: web.Request) -> JSON:
        """POST reports: how late the log is, and how it spells."""
        body = await read_body(request, allowed={"delay_seconds", "dashed_codes", "foreign_conference_ids"})
        habits = self.machine.reports.habits
        habits.delay_seconds = a_number(body, "delay_seconds", habits.delay_seconds)
        habits.dashed_codes = a_flag(body, "dashed_codes", default=habits.dashed_codes)
        habits.foreign_conference_ids = a_flag(
            body, "foreign_conference_ids", default=habits.foreign_conference_ids
        )
        self.machine.world.version += 1
        return asdict(habits)


def _name(body: JSON, field: str, folder: str) -> str:
    name = a_text(body, field)
    parts = name.split("/")
    if len(parts) != 4 or parts[0] != "projects" or parts[2] != folder or not (parts[1] and parts[3]):
        raise ControlError(f"{field} must look like projects/PROJECT/{folder}/NAME.")
    return name


def _optional(body: JSON, name: str, default: str) -> str:
    value = body.get(name, default)
    if value is not None and not isinstance(value, str):
        raise ControlError(f"{name} must be a text or null.")
    return (value or "").strip()


def _check_endpoint(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme != "http" or not is_loopback_name(parts.hostname or ""):
        raise ControlError("push_endpoint must be an http address on this machine.")


def _habits(body: JSON, present: Habits) -> Habits:
    values: dict[str, Any] = {}
    for each in fields(Habits):
        default = getattr(present, each.name)
        if each.name == "credential":
            values["credential"] = a_text(body, "credential", default)
        else:
            most = 1.0 if each.name in _PROBABILITIES else 86400.0
            values[each.name] = a_number(body, each.name, default, most=most)
    if values["credential"] not in CREDENTIALS:
        raise ControlError(f"credential must be one of {', '.join(CREDENTIALS)}.")
    if not 0.2 <= values["ack_deadline_seconds"] <= 600:
        raise ControlError("ack_deadline_seconds must be a number from 0.2 to 600.")
    return Habits(**values)
