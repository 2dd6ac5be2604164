"""``python -m simulator``: start the pretended Google and say where it listens."""

import argparse
import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Any

from aiohttp import web

from simulator.app import Site
from simulator.identity import Identity
from simulator.latency import Latency, parse_latency
from simulator.machine import Machine
from simulator.quota import Quotas
from simulator.scenes import SCENES, SIZES, USUAL, Size, build_world
from simulator.state import Keeper, load


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=8010, help="0 picks a free one (default: 8010)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
    )
    parser.add_argument("--rooms", type=int, help="number of rooms (default: 120; 10000 for the huge scenes)")
    parser.add_argument("--buildings", type=int, help="number of buildings (default: one per 24 rooms)")
    parser.add_argument(
        "--accounts", type=int, help="number of mailboxes that own spaces (default: one per building)"
    )
    parser.add_argument(
        "--calls",
        type=int,
        help="calls that run at the start, and about how many go on (default: a third of the rooms)",
    )
    parser.add_argument("--seed", type=int, default=1, help="same seed, same world (default: 1)")
    parser.add_argument("--scene", choices=sorted(SCENES), default="monday-morning")
    parser.add_argument("--state", type=Path, help="file that keeps the world from one start to the next")
    parser.add_argument(
        "--quotas", choices=("google", "off"), default="google", help="limits per minute (default: google)"
    )
    parser.add_argument(
        "--latency-ms",
        type=parse_latency,
        default=(0.0, None),
        metavar="MEDIAN[,P99]",
        help="time to answer, lognormal (default: 0)",
    )
    parser.add_argument("--still", action="store_true", help="nobody moves unless the control says so")
    chosen = parser.parse_args()
    size = SIZES.get(chosen.scene, USUAL) if chosen.rooms is None else Size(chosen.rooms)
    chosen.rooms = size.rooms
    chosen.buildings = chosen.buildings or size.buildings
    chosen.accounts = chosen.accounts or size.accounts
    chosen.calls = size.calls if chosen.calls is None else chosen.calls
    if chosen.rooms < 1:
        parser.error("--rooms must be at least 1")
    if chosen.buildings is not None and not 1 <= chosen.buildings <= min(chosen.rooms, 1000):
        parser.error("--buildings must be at least 1 and at most as many as there are rooms")
    if chosen.calls is not None and not 0 <= chosen.calls <= chosen.rooms:
        parser.error("--calls must be at least 0 and at most as many as there are rooms")
    if chosen.accounts is not None and chosen.accounts < 1:
        parser.error("--accounts must be at least 1")
    return chosen


def machine_for(chosen: argparse.Namespace) -> tuple[Machine, bool]:
    """A machine from the state file if it fits, else from the seed; and whether it is from the seed."""
    setting: dict[str, Any] = {
        name: getattr(chosen, name) for name in ("seed", "rooms", "scene", "buildings", "accounts", "calls")
    }
    if chosen.state is not None:
        kept = load(chosen.state, still=chosen.still, **setting)
        if kept is not None:
            return kept, False
    world = build_world(**setting)
    return Machine(world=world, identity=Identity(), still=chosen.still), True


async def serve(chosen: argparse.Namespace) -> None:
    """Listen until told to stop; keep the state meanwhile and at the end."""
    machine, fresh = machine_for(chosen)
    machine.quotas = Quotas(on=chosen.quotas == "google")
    machine.latency = Latency(*chosen.latency_ms, seed=chosen.seed)
    machine.order_scene(fresh=fresh)
    keeper = Keeper(machine, chosen.state) if chosen.state is not None else None
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # A client that gives up cancels its handler, so that ordered silence does not pile up.
    runner = web.AppRunner(
        Site(machine).build(), handler_cancellation=True, access_log=None, shutdown_timeout=0.2
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, chosen.host, chosen.port).start()
        host, port = runner.addresses[0][:2]
        shown = f"[{host}]" if ":" in host else host
        if keeper is not None:
            keeper.save_if_changed()
        print(f"simulator ready on http://{shown}:{port}", flush=True)
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), timeout=keeper.pause if keeper else None)
            if keeper is not None and not stop.is_set():
                keeper.save_if_changed()
    finally:
        await runner.cleanup()
        if keeper is not None:
            keeper.save_if_changed()


def main() -> None:
    """Start; a port that is taken is explained in a sentence."""
    chosen = arguments()
    try:
        asyncio.run(serve(chosen))
    except OSError as error:
        raise SystemExit(
            f"The simulator cannot listen on {chosen.host}:{chosen.port}: {error.strerror}"
        ) from None


if __name__ == "__main__":
    main()
