"""A simulator in a process of its own, for every test that needs Google."""

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from embedded.process import tethered

ROOT = Path(__file__).resolve().parents[2]
READY = "simulator ready on "

CREATED = "https://www.googleapis.com/auth/meetings.space.created"
READONLY = "https://www.googleapis.com/auth/meetings.space.readonly"
SETTINGS = "https://www.googleapis.com/auth/meetings.space.settings"
MEET_SCOPES = (CREATED, READONLY, SETTINGS)


class ControlError(Exception):
    """The simulator's control refused; ``status`` and ``answer`` are what it said."""

    def __init__(self, status: int, answer: Any) -> None:
        super().__init__(f"{status}: {answer}")
        self.status = status
        self.answer = answer


class SimulatorProcess:
    """``python -m simulator`` on a free loopback port; ``url`` has no slash at the end.

    Usable as a context manager. No number of rooms means what the scene has by itself. Still by default: nothing moves unless a test asks for it.
    """

    def __init__(
        self,
        *,
        rooms: int | None = 24,
        seed: int = 1,
        scene: str = "monday-morning",
        still: bool = True,
        state: Path | None = None,
        port: int = 0,
    ) -> None:
        self.command = [
            sys.executable, "-m", "simulator", "--port", str(port), "--seed", str(seed), "--scene", scene,
        ]  # fmt: skip
        if rooms is not None:
            self.command += ["--rooms", str(rooms)]
        if still:
            self.command.append("--still")
        if state is not None:
            self.command += ["--state", str(state)]
        self.url = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self, *, timeout: float = 30) -> Self:
        """Start the process and wait until it listens (``timeout`` in seconds)."""
        # Tethered: a run of pytest that is killed leaves none behind.
        self.process = subprocess.Popen(tethered(self.command), cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        watchdog = threading.Timer(timeout, self.process.kill)
        watchdog.start()
        try:
            for line in self.process.stdout:
                if line.startswith(READY):
                    self.url = line.removeprefix(READY).strip()
                    return self
        finally:
            watchdog.cancel()
        code = self.process.wait(timeout=10)
        self.process.stdout.close()
        raise RuntimeError(f"The simulator did not start (exit code {code}).")

    def stop(self) -> int:
        """Ask the process to stop (it saves its state) and return its exit code."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        process.terminate()
        try:
            code = process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait(timeout=15)
        if process.stdout is not None:
            process.stdout.close()
        return code

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Speak to ``/_control/<path>``; answers decoded JSON, raises ControlError on a refusal."""
        status, answer = self.call(method, "/_control/" + path.lstrip("/"), body)
        if status >= 400:
            raise ControlError(status, answer)
        return answer

    def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, timeout: float = 30
    ) -> tuple[int, Any]:
        """One plain HTTP request with a JSON body: (status, decoded JSON or text)."""
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as reply:
                return int(reply.status), _decode(reply.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, _decode(refusal.read())

    def world(self) -> dict[str, Any]:
        """The whole world as the control sees it."""
        answer = self.control("GET", "world")
        assert isinstance(answer, dict)
        return answer

    def token(self, email: str | None, *scopes: str) -> str:
        """An access token for ``email`` (all three Meet scopes if none are named)."""
        answer = self.control("POST", "token", {"email": email, "scopes": list(scopes or MEET_SCOPES)})
        return str(answer["access_token"])

    def reset(self) -> None:
        """Back to the seed: world, tokens, faults and counts."""
        self.control("POST", "reset")

    def start_conference(self, space: str, *participants: dict[str, str], ago: float = 0) -> dict[str, Any]:
        """Start a call in an idle space; ``ago`` = seconds since it began."""
        answer = self.control(
            "POST",
            "conferences",
            {"space": space, "participants": list(participants), "started_seconds_ago": ago},
        )
        assert isinstance(answer, dict)
        return answer

    def advance(self, seconds: float) -> None:
        """Let the world grow older by ``seconds``."""
        self.control("POST", "clock", {"advance_seconds": seconds})


def _decode(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")
