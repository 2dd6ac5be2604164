"""What a measurement stands on: a folder, a broker, a pretended Google, the application's processes. All of it on loopback, and
all of it gone afterwards. No Django here: the environment made here is what Django is then started with."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedded import broker, instance, process, serve

TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(url: str, body: Any = None, method: str | None = None) -> Any:
    """JSON from, or to, an address on this machine."""
    request = urllib.request.Request(  # noqa: S310  (loopback, made here)
        url,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method=method,
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=120) as answer:
        return json.load(answer)


@dataclass
class Stage:
    """A folder of its own with a running broker; `env` is how the application's processes are started on it."""

    folder: Path
    env: dict[str, str]
    stack: ExitStack = field(repr=False)
    google: str = ""

    @classmethod
    @contextmanager
    def inherited(cls) -> "Iterator[Stage]":
        """The stage of the process that started this one; what is started here is stopped here."""
        with ExitStack() as stack:
            env = dict(os.environ)
            yield cls(Path(env["MEETADMIN_STATE_DIR"]), env, stack, env["MEETADMIN_GOOGLE_URL"])

    def measure(self, part: str, *arguments: str) -> None:
        """Run one measuring module, which has Django, in a process of its own; it prints for itself."""
        self.manage("migrate")
        child = subprocess.Popen(
            process.tethered([sys.executable, "-m", f"benchmarks.{part}", *arguments]),
            env=self.env,
            cwd=process.ROOT,
        )
        self.stack.callback(process.stop, child, seconds=15)
        if child.wait() != 0:
            raise process.Problem(f"{part} failed.")

    def start(
        self, name: str, argv: list[str], env: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """A process that is stopped with the stage."""
        child = process.start(argv, env=env or self.env, output=self.folder / f"{name}.log")
        self.stack.callback(process.stop, child, seconds=15)
        return child

    def simulator(self, *, rooms: int, scene: str = "quiet") -> None:
        """Google, pretended, in which nothing moves unless told so; known to the application from now on."""
        port = free_port()
        argv = [sys.executable, "-m", "simulator", "--port", str(port), "--rooms", str(rooms)]
        child = self.start("simulator", [*argv, "--seed", "1", "--scene", scene, "--still"])
        self.google = f"http://127.0.0.1:{port}"
        process.wait_until(lambda: listens(port), seconds=120, what="The simulator", process=child)
        key = self.folder / "service-account.json"
        instance.write_private(key, json.dumps(self.control("service-account")))
        accounts = self.control("world")["accounts"]
        self.env |= {
            "MEETADMIN_GOOGLE_URL": self.google,
            "GOOGLE_SERVICE_ACCOUNT_FILE": str(key),
            "MEETADMIN_ROOM_MAILBOXES": ",".join(one["email"] for one in accounts),
        }

    def control(self, word: str, body: Any = None, method: str | None = None) -> Any:
        """Ask or tell the simulator's control."""
        return fetch(f"{self.google}/_control/{word}", body, method)

    def ready(self) -> bool:
        """Whether people can work with the application."""
        try:
            return bool(fetch(f"{self.env['MEETADMIN_BASE_URL']}/readyz")["status"] == "ready")
        except OSError:
            return False

    def push(self) -> None:
        """Let the simulator push events to the application from now on."""
        self.env |= serve.arrange_push(self.google, self.env["MEETADMIN_BASE_URL"])

    def subscribed(self) -> bool:
        """Whether every mailbox has its subscription."""
        made = {one["email"] for one in self.control("subscriptions")["subscriptions"]}
        return made >= set(self.env["MEETADMIN_ROOM_MAILBOXES"].split(","))

    def manage(self, *words: str) -> None:
        """One of the application's own commands, to its end."""
        log = self.folder / f"{words[0]}.log"
        child = process.start([sys.executable, "manage.py", *words], env=self.env, output=log)
        if child.wait(240) != 0:
            raise process.Problem(f"{words[0]} failed:\n{process.tail(log)}")

    def application(self, *names: str) -> "dict[str, subprocess.Popen[bytes]]":
        """The named processes of the application, as `make run` starts them."""
        port = int(self.env["MEETADMIN_BASE_URL"].rsplit(":", 1)[1])
        children = {
            child.name: self.start(child.name, list(child.argv))
            for child in serve.application(self.env, host="127.0.0.1", web_port=port)
            if child.name in names
        }
        if "web" in children:
            process.wait_until(
                lambda: listens(port), seconds=60, what="The web server", process=children["web"]
            )
        return children


@contextmanager
def stage() -> Iterator[Stage]:
    """A folder, a broker and the environment that fits them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="meetadmin-bench-")))
        (folder / "staticfiles").mkdir()
        redis = stack.enter_context(broker.start(folder / "broker"))
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        env = kept | serve.DEMO_CLIENT
        env |= {
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "MEETADMIN_STATE_DIR": str(folder),
            "MEETADMIN_SECRET_KEY": instance.new_secret_key(),
            "MEETADMIN_TOKEN_KEYS": instance.new_token_keys(),
            "MEETADMIN_BASE_URL": f"http://127.0.0.1:{free_port()}",
            "MEETADMIN_GOOGLE_URL": "http://127.0.0.1:9",  # nobody: only what is ours is measured
            "MEETADMIN_DOMAINS": "example.com",
            "MEETADMIN_FIRST_ADMINS": "it-admin@example.com",
            "MEETADMIN_LOG_LEVEL": "WARNING",
            "REDIS_URL": redis.url(database=1),
        }
        yield Stage(folder, env, stack)


def listens(port: int) -> bool:
    """Whether somebody listens on this port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def group_cpu(child: "subprocess.Popen[bytes]") -> float:
    """Seconds of processor time that a child and its descendants have used, as /proc counts them."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == child.pid:
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def percentile(values: list[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, round(share * len(ranked) + 0.5) - 1))]


def wait_for(check: Callable[[], bool], *, seconds: float, every: float = 0.05) -> float:
    """Wait until something is true; how many seconds that took. Raises Problem when it does not come about."""
    began = time.monotonic()
    while not check():
        if time.monotonic() - began > seconds:
            raise process.Problem(f"Nothing happened within {seconds:.0f} s.")
        time.sleep(every)
    return time.monotonic() - began


def say(text: str = "") -> None:
    """One line for the person at the terminal."""
    print(text, flush=True)


def table(heads: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> None:
    """Columns; the first to the left, the numbers to the right."""
    widths = [max(len(line[index]) for line in (heads, *lines)) for index in range(len(heads))]
    for line in (heads, tuple("-" * width for width in widths), *lines):
        cells = [
            line[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
        ]
        say("  " + "  ".join(cells))
    say()
