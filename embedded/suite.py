"""`make test`: the checks, then the tests on PostgreSQL and on SQLite, with what they need brought along."""

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

from embedded import checks, chromium, postgres, process
from embedded.process import ROOT, Problem

RESULTS = ROOT / "var" / "test"
COVERAGE_REPORT = RESULTS / "coverage.txt"
# These say nothing about the database: they stand on no table of ours, or their server process has its own SQLite file.
DATABASE_BLIND = (
    "tests/simulator",
    "tests/contract",
    "tests/embedded",
    "tests/spaces/google",
    "tests/meetadmin",
    "tests/test_house.py",
    "tests/spaces/test_leaks.py",
)
CLOSING = re.compile(r"^=+ (short test summary info|.*\bin \d+[.\d]*s\b.*) =+$")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Outcome:
    """How one run of pytest went: its name, whether it passed, and its closing lines, kept back for the end."""

    name: str
    passed: bool
    summary: list[str]


def pytest(name: str, env: Mapping[str, str], *arguments: str) -> Outcome:
    """Run pytest, showing everything but its closing summary, which is handed back."""
    began = time.monotonic()
    print(f"\n{name}", flush=True)
    colour = "--color=yes" if sys.stdout.isatty() else "--color=no"
    # A worker more than cores, because browser stories wait a lot; in the order of tests/conftest.py, which begins with them.
    options = ["-n", "3", "--dist", "loadgroup", "--no-loadscope-reorder", "--maxfail=40", colour]
    argv = process.tethered([sys.executable, "-m", "pytest", *options, *arguments])
    running = subprocess.Popen(
        argv, cwd=ROOT, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    summary: list[str] = []
    for line in running.stdout or ():
        if summary or CLOSING.match(COLOUR.sub("", line.rstrip())):
            summary.append(line.rstrip("\n"))
        else:
            print(line, end="", flush=True)
    passed = running.wait() == 0
    print(f"{name}: {'passed' if passed else 'FAILED'} after {time.monotonic() - began:.0f} s", flush=True)
    return Outcome(name, passed, summary)


def run_both(env: dict[str, str]) -> list[Outcome]:
    """The tests on PostgreSQL, then all tests on SQLite."""
    outcomes = []
    with ExitStack() as stack:
        address = os.environ.get("TEST_POSTGRES_URL") or stack.enter_context(postgres.start()).url
        narrower = ["-m", "not journey", *(f"--ignore={folder}" for folder in DATABASE_BLIND)]
        on_postgres = env | {"DATABASE_URL": address}
        outcomes.append(pytest("Tests on PostgreSQL", on_postgres, *narrower))
    outcomes.append(pytest("Tests on SQLite, with the browser", env))
    return outcomes


def coverage() -> None:
    """The run on SQLite, which is everything, measured, with the processes it starts: half as slow again, so not part of
    `test`. The details go to var/test/coverage.txt. Raises Problem when a test failed."""
    env = environment()
    outcome = pytest("Tests on SQLite, measured", env, "--cov", "--cov-report=")
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
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(143)
    )  # an end with clean-up, so that PostgreSQL's folder goes, too
    browser = chromium.ensure()
    RESULTS.mkdir(parents=True, exist_ok=True)
    for stale in RESULTS.glob(".coverage*"):
        stale.unlink()
    # The tests bring their own broker, database and Google; nothing of the caller's may be touched by them.
    private = ("DATABASE_URL", "REDIS_URL", "MEETADMIN_", "GOOGLE_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(private)}
    return env | {"CHROMIUM": browser, "COVERAGE_FILE": str(RESULTS / ".coverage")}


def test() -> None:
    """Run everything. Ends with pytest's own summaries, a failed one last. Raises Problem when anything failed."""
    began = time.monotonic()
    env = environment()
    # The checks wait for nothing and the tests for much: beside each other they are through a quarter of a minute earlier.
    with ThreadPoolExecutor(max_workers=1) as pool:
        checking = pool.submit(checks.failures)
        outcomes = run_both(env)
        failed = checking.result()
    print(f"\nEverything took {time.monotonic() - began:.0f} s")
    for outcome in sorted(outcomes, key=lambda outcome: not outcome.passed):
        print(f"\n{outcome.name}:")
        print("\n".join(outcome.summary), flush=True)
    failed += [outcome.name for outcome in outcomes if not outcome.passed]
    if failed:
        raise Problem(f"Failed: {', '.join(failed)}.")
