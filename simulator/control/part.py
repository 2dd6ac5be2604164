"""What all parts of the control share."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from simulator.machine import Machine
from simulator.reading import guarded
from simulator.world import World

Address = tuple[str, str, Callable[[web.Request], Awaitable[Any]]]
"""HTTP method, path below ``/_control/``, and handler."""


class ControlPart(ABC):
    """Some addresses of the control, over one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    @property
    def world(self) -> World:
        """The world as it is; a reset replaces it."""
        return self.machine.world

    @abstractmethod
    def addresses(self) -> list[Address]:
        """Return the addresses of this part."""

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses as aiohttp takes them, guarded against callers from elsewhere."""
        return [
            web.route(verb, f"/_control/{path}", guarded(handler)) for verb, path, handler in self.addresses()
        ]
