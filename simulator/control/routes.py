"""All parts of the control."""

from aiohttp import web

from simulator.control.calls import CallControl
from simulator.control.faults import FaultControl
from simulator.control.orders import Orders
from simulator.control.people import PeopleControl
from simulator.control.push import PushControl
from simulator.control.spaces import SpaceControl
from simulator.control.world import WorldControl
from simulator.machine import Machine

PARTS = (WorldControl, CallControl, SpaceControl, Orders, FaultControl, PeopleControl, PushControl)


def routes(machine: Machine) -> list[web.RouteDef]:
    """Return the addresses of all parts."""
    return [route for part in PARTS for route in part(machine).routes()]
