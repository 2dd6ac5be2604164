"""`make check` and `make fix`: everything that reads the code without running the tests."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from embedded.instance import new_secret_key, new_token_keys
from embedded.process import ROOT, Problem

BIN = Path(sys.executable).parent
PACKAGES = ("manage.py", "meetadmin", "spaces", "simulator", "embedded", "benchmarks", "tests")


def production_like(state: Path) -> dict[str, str]:
    """An environment as in a real installation, with secrets made up on the spot, for Django's own checks."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MEETADMIN_", "GOOGLE_", "DATABASE_URL"))
    }
    return kept | {
        "MEETADMIN_STATE_DIR": str(state),
        "MEETADMIN_BASE_URL": "https://meetadmin.example.com",
        "MEETADMIN_SECRET_KEY": new_secret_key(),
        "MEETADMIN_TOKEN_KEYS": new_token_keys(),
        "MEETADMIN_DOMAINS": "example.com",
        "MEETADMIN_FIRST_ADMINS": "it-admin@example.com",
        "GOOGLE_CLIENT_ID": "checks.apps.googleusercontent.com",
        "GOOGLE_CLIENT_SECRET": "checks-only",
        "REDIS_URL": f"unix://{state}/valkey.sock?db=0",
    }


def django_sources() -> list[str]:
    """The files that django-upgrade reads: all Python of the application."""
    return [str(path) for folder in ("meetadmin", "spaces") for path in sorted((ROOT / folder).rglob("*.py"))]


def commands() -> dict[str, Sequence[str | Path]]:
    """What is checked, by the name it is reported under; the slowest first, because two run at a time."""
    manage = [sys.executable, "manage.py"]
    return {
        "types (mypy)": [BIN / "mypy", *PACKAGES],
        "layers (import-linter)": [BIN / "lint-imports"],
        "template format (djlint)": [BIN / "djlint", "templates", "--check", "--quiet"],
        "template lint (djlint)": [BIN / "djlint", "templates", "--lint", "--quiet"],
        "deployment (check --deploy)": [*manage, "check", "--deploy", "--fail-level", "WARNING"],
        "migrations (makemigrations)": [*manage, "makemigrations", "--check", "--dry-run"],
        "idioms (django-upgrade)": [
            BIN / "django-upgrade",
            "--target-version",
            "5.2",
            "--check",
            *django_sources(),
        ],
        "lint (ruff)": [BIN / "ruff", "check", "."],
        "format (ruff)": [BIN / "ruff", "format", "--check", "."],
        "translations (locale)": [sys.executable, "-m", "embedded", "translations"],
        "packages (pip check)": [BIN / "pip", "check"],
    }


def failures() -> list[str]:
    """Run all checks, two at a time, showing the output of those that fail; gives the names of the failed ones."""
    with tempfile.TemporaryDirectory(prefix="meetadmin-check-") as state:
        env = production_like(Path(state))

        def one(item: tuple[str, Sequence[str | Path]]) -> str | None:
            name, argv = item
            began = time.monotonic()
            done = subprocess.run(
                argv,
                cwd=ROOT,
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            took = f"{time.monotonic() - began:.1f} s"
            if done.returncode == 0:
                print(f"  ok      {name}, {took}", flush=True)
                return None
            print(f"  FAILED  {name}, {took}\n{done.stdout.rstrip()}", flush=True)
            return name

        with ThreadPoolExecutor(max_workers=2) as pool:
            return [name for name in pool.map(one, commands().items()) if name]


def check() -> None:
    """Run all checks. Raises Problem naming those that failed."""
    failed = failures()
    if failed:
        raise Problem(f"Failed: {', '.join(failed)}.")


def fix() -> None:
    """Repair what the tools can repair by themselves, in place."""
    tools: tuple[Sequence[str | Path], ...] = (
        [BIN / "ruff", "check", "--fix", "--quiet", "."],
        [BIN / "ruff", "format", "."],
        [BIN / "django-upgrade", "--target-version", "5.2", "--exit-zero-even-if-changed", *django_sources()],
        [BIN / "djlint", "templates", "--reformat", "--quiet"],
    )
    for argv in tools:
        # Each tool's exit code says whether something is left; `make check` tells that better.
        subprocess.run(argv, cwd=ROOT, check=False)
