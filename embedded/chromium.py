"""Finds the Chromium that the browser journeys drive, and brings it where that is possible."""

import os
import shutil
import subprocess

from embedded.process import Problem

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ("chromium", "fonts-dejavu-core")


def find() -> str | None:
    """The browser's path: CHROMIUM from the environment, else the first known name on the PATH, else None.

    Raises Problem when CHROMIUM names something that cannot be run.
    """
    chosen = os.environ.get("CHROMIUM")
    if chosen:
        found = shutil.which(chosen)
        if not found:
            raise Problem(f"CHROMIUM is set to {chosen}, which cannot be run.")
        return found
    return next(filter(None, map(shutil.which, NAMES)), None)


def ensure() -> str:
    """The browser's path, installing it from Debian first if it is missing and we are root. Raises Problem when that cannot be done."""
    found = find()
    if found:
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"Chromium is missing: installing {' and '.join(PACKAGES)} with apt-get.", flush=True)
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for argv in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *PACKAGES]):
            done = subprocess.run(["apt-get", *argv], env=env, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Problem(f"apt-get {argv[0]} failed:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
        found = find()
        if found:
            return found
    raise Problem(
        "NO BROWSER: the journeys need Chromium, and none was found (looked for CHROMIUM in the environment and for "
        f"{', '.join(NAMES)} on the PATH).\nInstall one (Debian: apt-get install {' '.join(PACKAGES)}) or set CHROMIUM=/path/to/it. "
        "The journeys are never skipped."
    )
