"""Everything beside Meet and sign-in, in one place: push, directory, reports, their control, and the page at ``/``."""

from aiohttp import web

from simulator import directory, events, pubsub, reports, users
from simulator.control_push import PushControl
from simulator.desk import Desk
from simulator.gate import Serve
from simulator.machine import Machine


def routes(app: web.Application, machine: Machine, serve: Serve) -> None:
    """Enter all of it into the application. ``serve`` counts a request and lets ordered faults have their way."""
    app.add_routes(PushControl(machine).routes())
    app.add_routes(Desk(machine).routes())
    for service in (events, pubsub, directory, users, reports):
        service.routes(app, machine, serve)
