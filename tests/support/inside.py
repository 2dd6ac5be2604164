"""The simulator without a web server: requests to Meet as text in and JSON out, and a clock that only moves when told.

For tests that ask many thousand times. What the official clients put on the wire is the business of tests/contract.
"""

import gc
import json
import warnings
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from simulator.errors import ApiError
from simulator.identity import MEET_SCOPES, Identity, full_scope
from simulator.machine import Machine
from simulator.meet import service
from simulator.scenes import build_world
from simulator.world import OUR_PROJECT, World

START = 1_790_000_000.0  # an ordinary moment; worlds of these tests begin then


@cache
def _identity() -> Identity:
    """Keys take long to make, and these tests sign nothing with them."""
    return Identity()


class Inside:
    """A simulator to talk to directly."""

    def __init__(self, *, rooms: int = 6, seed: int = 1, scene: str = "quiet") -> None:
        self.time = START
        world = build_world(seed=seed, rooms=rooms, scene=scene, clock=self.clock)
        self.machine = Machine(world=world, identity=_identity(), still=True)
        self.machine.quotas.on = False
        self.tokens: dict[tuple[object, ...], str] = {}

    def clock(self) -> float:
        """The real clock of this simulator."""
        return self.time

    @property
    def world(self) -> World:
        """The world as it is."""
        return self.machine.world

    def live(self, seconds: float) -> None:
        """Time passes."""
        self.time += seconds
        self.machine.catch_up()

    def token(self, email: str | None, *scopes: str, project: str = OUR_PROJECT) -> str:
        """A good access token; all three Meet scopes if none are named."""
        key = (email, scopes, project)
        text = self.tokens.get(key)
        if text is None or self.machine.identity.live_token(text, self.world.now()) is None:
            wanted = frozenset(full_scope(each) for each in scopes or MEET_SCOPES)
            text = self.machine.identity.issue(email, wanted, now=self.world.now(), project=project)
            self.tokens[key] = text
        return text

    def call(
        self, verb: str, path: str, body: Any = None, *, token: str = "", fields: str | None = None
    ) -> tuple[int, Any]:
        """One request: status and JSON."""
        self.machine.catch_up()
        address = urlsplit(path)
        try:
            method, variables = service.find_method(verb, address.path)
            asked = service.Asked(
                method=method,
                path=variables,
                query=dict(parse_qsl(address.query, keep_blank_values=True)),
                token=token,
                body=b"" if body is None else json.dumps(body).encode(),
                field_mask=fields,
            )
            answer = service.serve(self.machine, asked)
        except ApiError as refusal:
            return refusal.code, refusal.envelope()
        # As it would arrive: nothing that JSON cannot hold.
        return 200, json.loads(json.dumps(answer))


def sweep() -> None:
    """Collect what earlier tests left behind, quietly.

    Tests that allocate much set the collector off; an unclosed connection of a test before them is not their failure.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
