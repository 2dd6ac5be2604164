"""A supervisor as a program of its own, for the tests: `python supervised.py LOG_FOLDER NAME COMMAND [NAME COMMAND ...]`."""

import os
import sys
from pathlib import Path

from embedded.process import Problem
from embedded.supervisor import Child, Supervisor


def tell(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def main(logs: str, *pairs: str) -> int:
    names, commands = pairs[::2], pairs[1::2]
    children = [
        Child(name, ["/bin/sh", "-c", command], os.environ)
        for name, command in zip(names, commands, strict=True)
    ]
    try:
        with Supervisor(logs=Path(logs), say=tell) as supervisor:
            for child in children:
                supervisor.start(child)
            tell("started")
            supervisor.run()
    except Problem as problem:
        tell(str(problem))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
