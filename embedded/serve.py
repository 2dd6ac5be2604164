"""`make demo` and `make run`: the whole installation in the foreground of one terminal."""

import functools
import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from embedded import broker, instance, tether
from embedded.process import ROOT, Problem
from embedded.supervisor import Child, StopRequested, Supervisor

STALLED_SECONDS = 90.0  # without any progress; on a busy machine readiness itself may take much longer
# Connections at once in a web process, open streams among them. By default 1,024, which are shared by all of its processes.
BACKPRESSURE = "2048"
PEOPLE = "it-admin@example.com, helpdesk@example.com, room-owner@example.com or participant@example.com"
# What the simulator knows the demo as; it opens nothing but the simulator.
DEMO_CLIENT = {
    "GOOGLE_CLIENT_ID": "meetadmin-demo.apps.googleusercontent.com",
    "GOOGLE_CLIENT_SECRET": "demo-only-client-secret",
}
# The demo's topic, its Pub/Sub subscription, and the service account that signs the pushes; all made up at the simulator.
DEMO_PUSH = {
    "MEETADMIN_PUSH_TOPIC": "projects/meetadmin-demo/topics/meet-events",
    "MEETADMIN_PUSH_SUBSCRIPTIONS": "projects/meetadmin-demo/subscriptions/meet-events-push",
    "MEETADMIN_PUSH_ACCOUNT": "meet-push@meetadmin-demo.iam.gserviceaccount.com",
}
OURS = ("MEETADMIN_", "GOOGLE_", "DATABASE_URL", "REDIS_URL", "DJANGO_")


def say(sentence: str) -> None:
    """Tell the person at the terminal."""
    print(sentence, flush=True)


def number(name: str, default: int, *, most: int = 65535) -> int:
    """A whole number, 1 to `most` (by default: a TCP port), from the environment. Raises Problem when it is none."""
    value = os.environ.get(name) or str(default)
    if not value.isdecimal() or not 1 <= int(value) <= most:
        raise Problem(f"{name} is {value!r}; write a whole number between 1 and {most}.")
    return int(value)


def state_folder() -> Path:
    """Where everything is kept: MEETADMIN_STATE_DIR, else var/ beside the code."""
    return Path(os.environ.get("MEETADMIN_STATE_DIR") or ROOT / "var").resolve()


def fetch(url: str) -> tuple[int, Any]:
    """GET a JSON address on this machine: status and content, (0, None) when nobody answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=30) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            try:
                return error.code, json.load(error)
            except ValueError:
                return error.code, None
    except (OSError, ValueError):
        return 0, None


def order(url: str, body: Mapping[str, Any]) -> None:
    """POST JSON to an address on this machine. Raises Problem when it is refused."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, data=json.dumps(body).encode(), method="POST")  # noqa: S310 - our own address
    request.add_header("Content-Type", "application/json")
    try:
        opener.open(request, timeout=5).close()
    except OSError as error:
        raise Problem(f"{url} refused its order: {error}") from error


def arrange_push(google: str, address: str) -> dict[str, str]:
    """Let the simulator push events to this address, as one does in the Cloud console; gives what Meetadmin has to know of it."""
    [topic, subscription, account] = DEMO_PUSH.values()
    hook = f"{address}/hooks/google/pubsub"
    order(f"{google}/_control/topics", {"name": topic})
    order(
        f"{google}/_control/push",
        {
            "name": subscription,
            "topic": topic,
            "push_endpoint": hook,
            "service_account": account,
            "audience": hook,
        },
    )
    return DEMO_PUSH


def wait_for(
    url: str, supervisor: Supervisor, *, what: str, enough: Callable[[Any], bool] = lambda _: False
) -> Any:
    """Wait until an address answers 200, or JSON that is `enough`, while looking after the children; gives its JSON.

    Raises Problem when for STALLED_SECONDS nothing has come nearer to that.
    """
    so_far: object = None
    deadline = time.monotonic() + STALLED_SECONDS
    while True:
        status, content = fetch(url)
        if status == 200 or enough(content):
            return content
        now = (status, standing(content))
        if now != so_far:
            so_far, deadline = now, time.monotonic() + STALLED_SECONDS
        if time.monotonic() > deadline:
            raise Problem(
                f"{what} is not ready, and nothing has changed for {STALLED_SECONDS:.0f} s ({url} answers {status or 'nothing'}). "
                f"Logs: {supervisor.logs}"
            )
        supervisor.wait(0.3)


def works(report: Any) -> bool:
    """Return whether, by an answer of /readyz, everything runs. Thousands of rooms are synced for the first time within Google's quota,
    which takes longer than anybody wants to wait; until then the demo shows what was read while it was filled."""
    if not isinstance(report, dict) or report.get("causes") != []:
        return False
    return all(report.get(name, {}).get("alive") for name in ("worker", "beat"))


def standing(report: Any) -> object:
    """Return what changes in an answer of /readyz while an installation gets ready; ages change by themselves and do not count."""
    if not isinstance(report, dict):
        return None
    parts = {name: report.get(name) for name in ("worker", "beat", "sweep")}
    return [
        report.get("causes"),
        *(
            part.get("processes", part.get("never_swept"))
            for part in parts.values()
            if isinstance(part, dict)
        ),
    ]


def manage(word: str, env: Mapping[str, str], *arguments: str) -> Child:
    """One of the application's own commands, as a child that ends."""
    return Child(word, [sys.executable, "manage.py", word, *arguments], env)


def application(env: Mapping[str, str], *, host: str, web_port: int) -> list[Child]:
    """The processes of the application: web, worker and scheduler, and the one that fetches events where that is switched on."""
    python = [sys.executable, "-m"]
    web = [
        "granian",
        "--interface",
        "asgi",
        "--no-ws",
        "meetadmin.asgi:application",
        "--host",
        host,
        "--port",
        str(web_port),
        "--backpressure",
        BACKPRESSURE,
    ]
    worker = [
        "celery",
        "-A",
        "meetadmin",
        "worker",
        "-c",
        "2",
        "--loglevel",
        "INFO",
        "--without-gossip",
        "--without-mingle",
    ]
    beat = ["celery", "-A", "meetadmin", "beat", "--loglevel", "INFO"]
    fetching = env.get("MEETADMIN_PUSH_PULL", "").lower() in {"1", "true", "yes", "on"}
    return [
        # One process with eight threads: a second one would cost another 90 MB and the start four seconds of processor time.
        Child("web", [*python, *web, "--workers", "1"], env),
        Child("worker", [*python, *worker], env),
        Child("beat", [*python, *beat], env),
        *([manage("pull_events", env)] if fetching else []),
    ]


def start_broker(state: Path, supervisor: Supervisor) -> str:
    """Start the broker under the supervisor and wait for it; gives its address."""
    folder = state / "broker"
    supervisor.start(Child("broker", broker.command(folder), os.environ))
    deadline = time.monotonic() + 15
    while not broker.answers(folder):
        if time.monotonic() > deadline:
            raise Problem(f"The broker was not ready after 15 s. Log: {supervisor.logs / 'broker.log'}")
        supervisor.wait(0.05)
    return broker.url(folder)


def settlement(state: Path, rooms: int) -> str:
    """What the demo's data rest on: this database file, this number of rooms, this very code and what is installed."""
    sources = [ROOT / "requirements.txt"]
    sources += [
        path
        for package in ("meetadmin", "spaces", "simulator")
        for path in sorted((ROOT / package).rglob("*.py"))
    ]
    facts = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in sources]
    return f"{rooms} {(state / 'db.sqlite3').stat().st_ino} {zlib.crc32(repr(facts).encode())}"


def is_settled(state: Path, rooms: int) -> bool:
    """Whether an earlier start has prepared and filled exactly this demo, so that this one need not look at every room again."""
    try:
        return (state / "simulator.json").exists() and (state / "settled").read_text(
            encoding="utf-8"
        ) == settlement(state, rooms)
    except OSError:
        return False


def secrets_of(state: Path) -> dict[str, str]:
    """The environment that points to this installation's own secrets, which are made on the first start."""
    folder = state / "secrets"
    return {
        "MEETADMIN_SECRET_KEY_FILE": str(instance.secret_file(folder, "secret-key", instance.new_secret_key)),
        "MEETADMIN_TOKEN_KEYS_FILE": str(instance.secret_file(folder, "token-keys", instance.new_token_keys)),
    }


def foreground(installation: Callable[[], None]) -> Callable[[], None]:
    """Decorates an installation that runs until it is told to stop. Started by `make`, it also ends when make is ended by force."""

    @functools.wraps(installation)
    def tied() -> None:
        if os.environ.get("MAKELEVEL"):
            tether.follow_parent(signal.SIGTERM)
        try:
            installation()
        except StopRequested:
            say("Stopped before it was ready.")

    return tied


def demo_environment(state: Path, address: str, google: str, clean: dict[str, str]) -> dict[str, str]:
    """Return the environment of Meetadmin in a demo: `clean` and what points to the simulator at `google`."""
    return (
        clean
        | secrets_of(state)
        | DEMO_CLIENT
        | {
            "MEETADMIN_STATE_DIR": str(state),
            "MEETADMIN_BASE_URL": address,
            "MEETADMIN_GOOGLE_URL": google,
            "MEETADMIN_DOMAINS": "example.com",
            "MEETADMIN_FIRST_ADMINS": "it-admin@example.com",
        }
    )


@foreground
def demo() -> None:
    """Everything on this machine, Google included, and one line when it is ready. Ends when told to, or raises Problem."""
    state, host = state_folder(), "127.0.0.1"
    web_port, google_port, rooms = (
        number("PORT", 8000),
        number("SIMULATOR_PORT", 8010),
        number("ROOMS", 120, most=20_000),
    )
    address, google = f"http://{host}:{web_port}", f"http://{host}:{google_port}"
    with instance.only_one(state, address=address):
        instance.claim_port(host, web_port, variable="PORT")
        instance.claim_port(host, google_port, variable="SIMULATOR_PORT")
        say(f"Starting the demo (data and logs in {state}).")
        # A demo never touches what the caller's environment may point to: a real database, a real Google.
        clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        env = demo_environment(state, address, google, clean)
        settled = is_settled(state, rooms)
        with Supervisor(logs=state / "log", say=say) as supervisor:
            world = f"--port {google_port} --rooms {rooms} --seed 1 --scene monday-morning".split()
            simulator = [sys.executable, "-m", "simulator", *world, "--state", str(state / "simulator.json")]
            supervisor.start(Child("simulator", simulator, clean))
            env["REDIS_URL"] = start_broker(state, supervisor)
            key = wait_for(f"{google}/_control/service-account", supervisor, what="The simulator")
            key_file = state / "secrets" / "service-account.json"
            instance.write_private(key_file, json.dumps(key, indent=2))
            env["GOOGLE_SERVICE_ACCOUNT_FILE"] = str(key_file)
            accounts = wait_for(f"{google}/_control/world?only=accounts", supervisor, what="The simulator")[
                "accounts"
            ]
            env["MEETADMIN_ROOM_MAILBOXES"] = ",".join(account["email"] for account in accounts)
            env |= arrange_push(google, address)
            if not settled:
                say(f"Adding {rooms:,} rooms.")
                supervisor.complete(manage("seed_demo", env))
                (state / "settled").write_text(settlement(state, rooms), encoding="utf-8")
            for child in application(env, host=host, web_port=web_port):
                supervisor.start(child)
            wait_for(f"{address}/readyz", supervisor, what="Meetadmin", enough=works)
            say(
                f"Meetadmin is ready: {address} (sign in as {PEOPLE}; stranger@elsewhere.example is refused). Ctrl-C stops it."
            )
            supervisor.run()
            say("Stopping.")


@foreground
def run() -> None:
    """A small real installation on this machine, configured by the environment. Ends when told to, or raises Problem."""
    state, host, web_port = state_folder(), os.environ.get("HOST") or "127.0.0.1", number("PORT", 8000)
    env = {**os.environ, "MEETADMIN_STATE_DIR": str(state)}
    env.setdefault("MEETADMIN_BASE_URL", f"http://127.0.0.1:{web_port}")
    address = env["MEETADMIN_BASE_URL"]
    with instance.only_one(state, address=address):
        instance.claim_port(host, web_port, variable="PORT")
        for name, value in secrets_of(state).items():
            if name.removesuffix("_FILE") not in env:
                env.setdefault(name, value)
        say(f"Starting Meetadmin (data and logs in {state}).")
        with Supervisor(logs=state / "log", say=say) as supervisor:
            if not env.get("REDIS_URL") and not env.get("REDIS_URL_FILE"):
                env["REDIS_URL"] = start_broker(state, supervisor)
            supervisor.complete(manage("prepare", env))
            supervisor.complete(manage("collectstatic", env, "--noinput"))
            for child in application(env, host=host, web_port=web_port):
                supervisor.start(child)
            local = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{web_port}"  # noqa: S104  (compared, not bound)
            # Not /readyz: an installation that restarts while Google is away must come up all the same.
            wait_for(f"{local}/healthz", supervisor, what="Meetadmin")
            say(f"Meetadmin is ready: {address}. Ctrl-C stops it.")
            supervisor.run()
            say("Stopping.")
