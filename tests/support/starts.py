"""Run a line of Python as if in a new process with a given environment, without paying for the imports each time."""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

# Imported once, by the process that the others are forked from. None of them reads our settings or the environment.
PRELOADED = [
    "celery",
    "django.conf",
    "django.core.management",
    "django.db.models",
    "redis",
    "urllib3",
    "google.auth",
]


def run(code: str, *, env: dict[str, str], cwd: Path, output: Path) -> subprocess.CompletedProcess[str]:
    """Return exit code, output and errors of the code in a process that has only this environment."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    child = context.Process(target=_execute, args=(code, env, str(cwd), str(output)))
    child.start()
    child.join(60)
    assert child.exitcode is not None, "it did not end"
    said, errors = (Path(f"{output}.{name}").read_text(encoding="utf-8") for name in ("out", "err"))
    return subprocess.CompletedProcess(code, child.exitcode, said, errors)


def _execute(code: str, env: dict[str, str], cwd: str, output: str) -> None:
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{output}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    try:
        exec(code, {"__name__": "__main__"})  # noqa: S102 - the tests' own line
    except SystemExit:
        raise
    except BaseException:  # noqa: BLE001 - as an interpreter reports it
        sys.excepthook(*sys.exc_info())
        sys.exit(1)
    finally:
        sys.stdout.flush()
