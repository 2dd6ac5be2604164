"""`make test`: the checks and the browser stories beside the tests on PostgreSQL and then on SQLite, with what they need brought along."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NoReturn

from embedded import checks, chromium, postgres, process
from embedded.process import ROOT, Problem

RESULTS = ROOT / "var" / "test"
COVERAGE_REPORT = RESULTS / "coverage.txt"
# What may go differently on another database: models and actions, commands with their migrations, and pages that order, search and count.
DATABASE_AWARE = (
    "tests/spaces/models",
    "tests/spaces/actions",
    "tests/spaces/sync",
    "tests/spaces/commands",
    "tests/spaces/test_audit.py",
    "tests/spaces/test_outbox.py",
    "tests/spaces/views/test_lookup.py",
    "tests/spaces/views/test_overview.py",
    "tests/spaces/views/test_roompage.py",
    "tests/spaces/views/test_rows.py",
)
# The first sees the same tables as the others of its folder, the second starts processes with a file of their own.
NOT_ON_POSTGRES = (
    "tests/spaces/sync/test_one_refusal.py",
    "tests/spaces/sync/test_scheduling_processes.py",
)
CLOSING = re.compile(r"^=+ (short test summary info|.*\bin \d+[.\d]*s\b.*) =+$")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Outcome:
    """How one run of pytest went: its name, whether it passed, and its closing lines, kept back for the end."""

    name: str
    passed: bool
    summary: list[str]


RUNNING: set[subprocess.Popen[str]] = set()


def pytest(name: str, env: Mapping[str, str], *arguments: str, workers: int, at_once: bool = True) -> Outcome:
    """Run pytest, showing everything but its closing summary, which is handed back. Not `at_once`: shown when it is over, in one
    piece, because others are telling theirs meanwhile. No `workers`: in one process."""
    began = time.monotonic()
    colour = "--color=yes" if sys.stdout.isatty() else "--color=no"
    # Groups (tests/conftest.py) are begun first, in that file's order; other tests go one by one to whoever is free.
    options = ["-n", str(workers), "--dist", "loadgroup", "--no-loadscope-reorder", "--maxfail=40", colour]
    argv = process.tethered([sys.executable, "-m", "pytest", *options, *arguments])
    held = [f"\n{name}\n"]
    if at_once:
        print(held.pop(), end="", flush=True)
    running = subprocess.Popen(
        argv, cwd=ROOT, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    RUNNING.add(running)
    summary: list[str] = []
    for line in running.stdout or ():
        if summary or CLOSING.match(COLOUR.sub("", line.rstrip())):
            summary.append(line.rstrip("\n"))
        elif at_once:
            print(line, end="", flush=True)
        else:
            held.append(line)
    passed = running.wait() == 0
    RUNNING.discard(running)
    held.append(f"{name}: {'passed' if passed else 'FAILED'} after {time.monotonic() - began:.0f} s\n")
    print("".join(held), end="", flush=True)
    return Outcome(name, passed, summary)


def on_postgres(env: Mapping[str, str]) -> Outcome:
    """What may go differently on another database."""
    narrower = [*DATABASE_AWARE, *(f"--ignore={file}" for file in NOT_ON_POSTGRES)]
    with ExitStack() as stack:
        address = os.environ.get("TEST_POSTGRES_URL") or stack.enter_context(postgres.start()).url
        return pytest("Tests on PostgreSQL", {**env, "DATABASE_URL": address}, *narrower, workers=2)


def test_fast() -> None:
    """Run what tells within a minute or two whether a change broke something: SQLite, no browser, no further processes, no walks
    through every combination. Raises Problem when a test failed."""
    folders = [f"--ignore=tests/{name}" for name in ("simulator", "contract", "journeys")]
    options = ["-m", "not journey and not slow", "--hypothesis-profile=fast"]
    outcome = pytest("Fast tests", environment(), *options, *folders, workers=2)
    print("\n".join(outcome.summary))
    if not outcome.passed:
        raise Problem("A test failed.")


def coverage() -> None:
    """The run on SQLite, which is everything, measured, with the processes it starts: half as slow again, so not part of
    `test`. The details go to var/test/coverage.txt. Raises Problem when a test failed."""
    env = environment()
    outcome = pytest("Tests on SQLite, measured", env, "--cov", "--cov-report=", workers=3)
    tool = [sys.executable, "-m", "coverage", "report"]
    with COVERAGE_REPORT.open("w", encoding="utf-8") as file:
        subprocess.run(tool, cwd=ROOT, env=dict(env), stdout=file, check=False)
    total = subprocess.run(
        [*tool, "--format=total"], cwd=ROOT, env=dict(env), stdout=subprocess.PIPE, text=True, check=False
    )
    print("\n".join(outcome.summary))
    print(f"\nCoverage, by branch: {total.stdout.strip()} % (details: {COVERAGE_REPORT})", flush=True)
    if not outcome.passed:
        raise Problem("A test failed.")


def environment() -> dict[str, str]:
    """What the tests get to see: nothing of the caller's installation, and the browser to drive."""
    signal.signal(signal.SIGTERM, lambda *_: leave())
    browser = chromium.ensure()
    RESULTS.mkdir(parents=True, exist_ok=True)
    for stale in RESULTS.glob(".coverage*"):
        stale.unlink()
    # The tests bring their own broker, database and Google; nothing of the caller's may be touched by them.
    private = ("DATABASE_URL", "REDIS_URL", "MEETADMIN_", "GOOGLE_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(private)}
    return env | {"CHROMIUM": browser, "COVERAGE_FILE": str(RESULTS / ".coverage")}


def leave() -> NoReturn:
    """An end with clean-up, so that PostgreSQL's folder goes, too, and those of the tests: pytest tidies up on Ctrl-C only."""
    for one in tuple(RUNNING):
        one.send_signal(signal.SIGINT)
    sys.exit(143)


def test() -> None:
    """Run everything. Ends with pytest's own summaries, a failed one last. Raises Problem when anything failed."""
    began = time.monotonic()
    env = environment()
    # The stories wait most of their time, and the checks not at all: beside the other tests they keep both cores at work.
    with ThreadPoolExecutor(max_workers=2) as pool:
        telling = pool.submit(
            pytest, "Stories in the browser", env, "-m", "journey", "tests/journeys", workers=0, at_once=False
        )
        checking = pool.submit(checks.failures)
        outcomes = [on_postgres(env), pytest("Tests on SQLite", env, "-m", "not journey", workers=3)]
        outcomes.append(telling.result())
        failed = checking.result()
    print(f"\nEverything took {time.monotonic() - began:.0f} s")
    for outcome in sorted(outcomes, key=lambda outcome: not outcome.passed):
        print(f"\n{outcome.name}:")
        print("\n".join(outcome.summary), flush=True)
    failed += [outcome.name for outcome in outcomes if not outcome.passed]
    if failed:
        raise Problem(f"Failed: {', '.join(failed)}.")
