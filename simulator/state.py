"""The snapshot: what a simulator remembers from one start to the next.

Rooms and people come from the seed again; kept are spaces, calls, the clock, consents, tokens and keys. The file holds
private keys (of a pretended service account), so only its owner may read it.
"""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from simulator import people
from simulator.behaviour import behaviour_from
from simulator.entities import Conference, Participant, Recorded, Space
from simulator.identity import Grant, Identity, KeyPair, Token
from simulator.machine import Machine
from simulator.reports.state import Habits
from simulator.scenes import build_world
from simulator.world import DEFAULT_CONFIG, World

VERSION = 3


def _setting(world: World) -> dict[str, Any]:
    return {
        "version": VERSION,
        "seed": world.seed,
        "rooms": world.room_count,
        "buildings": world.building_count,
        "accounts": world.account_count,
        "calls": world.call_count,
        "scene": world.scene,
    }


def snapshot(machine: Machine) -> dict[str, Any]:
    """Everything worth keeping, as JSON."""
    world, identity = machine.world, machine.identity
    return {
        **_setting(world),
        "offset": world.offset,
        "created": world.created,
        "started": world.started,
        "behaviour": world.behaviour.as_json(),
        "freed": list(world.freed),
        "life": machine.life.kept(),
        "people": people.kept(world),
        "spaces": [
            [
                space.id, space.code, space.owner, space.project, space.room, space.members,
                {leaf: value for leaf, value in space.config.items() if DEFAULT_CONFIG.get(leaf) != value},
                space.lingers_until, space.code_used, space.fleeting, space.ended_for_all, space.closed_until,
            ]
            for space in world.spaces.values()
        ],
        "conferences": [
            [
                call.id, call.space, call.start, call.end, call.origin,
                [
                    [each.id, each.kind, each.display_name, each.email, each.user, each.sessions]
                    for each in call.participants
                ],
                call.automatic,
                {kind: [asdict(each) for each in parts] for kind, parts in call.recorded.items()},
            ]
            for call in world.conferences.values()
        ],
        "ended": list(world.ended),
        "watched": sorted(world.watched),
        "tokens": {
            text: [token.email, sorted(token.scopes), token.project, token.expires, token.client]
            for text, token in identity.tokens.items()
        },
        "grants": {
            email: [sorted(grant.scopes), grant.refresh] for email, grant in identity.grants.items()
        },
        "pubsub": machine.pubsub.kept(),
        "events": machine.events.kept(),
        "directory": machine.directory.kept(),
        "reports": asdict(machine.reports.habits),
        "delegated": sorted(identity.delegated),
        "signer": identity.signer.pem,
        "service": identity.service.pem,
    }  # fmt: skip


def save(machine: Machine, path: Path) -> None:
    """Write the snapshot in one stroke, readable for its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(snapshot(machine), file, separators=(",", ":"))
    draft.replace(path)


def load(
    path: Path,
    *,
    seed: int,
    rooms: int,
    scene: str,
    still: bool,
    buildings: int | None = None,
    accounts: int | None = None,
    calls: int | None = None,
) -> Machine | None:
    """The machine of a snapshot; None if there is none that fits these settings."""
    try:
        kept = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        print(f"The state file {path} cannot be read; starting from the seed.", flush=True)
        return None
    world = build_world(
        seed=seed,
        rooms=rooms,
        scene=scene,
        buildings=buildings,
        accounts=accounts,
        calls=calls,
        populated=False,
    )
    wanted = _setting(world)
    if not isinstance(kept, dict) or {name: kept.get(name) for name in wanted} != wanted:
        print(f"The state file {path} is of another world; starting from the seed.", flush=True)
        return None
    world.offset = kept["offset"]
    people.resume(world, kept["people"])
    _fill(world, kept)
    machine = Machine(world=world, identity=_identity(kept), still=still)
    machine.life.resume(kept["life"])
    machine.pubsub.resume(kept["pubsub"])
    machine.events.resume(kept["events"])
    machine.directory.resume(kept["directory"])
    machine.reports.habits = Habits(**kept["reports"])
    return machine


def _fill(world: World, kept: dict[str, Any]) -> None:
    world.spaces.clear()
    world.codes.clear()
    world.owned.clear()
    for values in kept["spaces"]:
        (identifier, code, owner, project, room, members, changed, lingers, used, fleeting, over, closed) = (
            values
        )
        config = {**DEFAULT_CONFIG, **changed} if changed else DEFAULT_CONFIG
        world.keep_space(
            Space(
                identifier,
                code,
                owner,
                project,
                config,
                room,
                lingers_until=lingers,
                members=members,
                code_used=used,
                fleeting=fleeting,
                ended_for_all=over,
                closed_until=closed,
            )
        )
    for room in world.rooms:
        room.account = world.spaces[room.space].owner
    for identifier, space_id, start, end, origin, participants, automatic, recorded in kept["conferences"]:
        call = Conference(identifier, space_id, start, origin, end, automatic=tuple(automatic))
        call.participants = [Participant(*each) for each in participants]
        call.recorded = {kind: [Recorded(**each) for each in parts] for kind, parts in recorded.items()}
        space = world.spaces[space_id]
        space.records.append(call)
        if end is None:
            space.active = call
        world.conferences[identifier] = call
    world.ended.extend(kept["ended"])
    world.watched.update(kept["watched"])
    world.created = kept["created"]
    world.started = kept["started"]
    world.behaviour = behaviour_from(kept["behaviour"])
    world.freed.extend(kept["freed"])


def _identity(kept: dict[str, Any]) -> Identity:
    identity = Identity(signer=KeyPair(kept["signer"]), service=KeyPair(kept["service"]))
    for text, (email, scopes, project, expires, client) in kept["tokens"].items():
        identity.tokens[text] = Token(email, frozenset(scopes), project, expires, client)
    for email, (scopes, refresh) in kept["grants"].items():
        identity.grants[email] = Grant(set(scopes), refresh)
    identity.delegated = frozenset(kept["delegated"])
    return identity


class Keeper:
    """Writes the snapshot when something has changed; big worlds are written less often."""

    def __init__(self, machine: Machine, path: Path, *, every: float = 5.0) -> None:
        self.machine = machine
        self.path = path
        self.every = every
        self.pause = every
        self.saved: int | None = None

    def save_if_changed(self) -> None:
        """Write, if there is anything new."""
        self.machine.catch_up()
        if self.saved == self.machine.version():
            return
        begun = time.monotonic()
        save(self.machine, self.path)
        self.saved = self.machine.version()
        # Writing must not eat the processor: at most a twentieth of the time goes into it.
        self.pause = max(self.every, 20 * (time.monotonic() - begun))
