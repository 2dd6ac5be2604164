"""`python -m embedded WORD`: the doors behind the words of the Makefile."""

import importlib
import os
import sys

from embedded.process import Problem

# Each word loads only its own module: the demo's supervisor stays in memory and needs none of the test tools.
WORDS = {
    "demo": "embedded.serve",
    "run": "embedded.serve",
    "check": "embedded.checks",
    "fix": "embedded.checks",
    "test": "embedded.suite",
    "test-fast": "embedded.suite",
    "coverage": "embedded.suite",
    "messages": "embedded.messages",
    "translations": "embedded.messages",
}


def main(arguments: list[str]) -> int:
    """Do one word; the exit code says whether it went well."""
    if len(arguments) != 1 or arguments[0] not in WORDS:
        print(f"Usage: python -m embedded {{{'|'.join(WORDS)}}}", file=sys.stderr)
        return 2
    # Containers often forbid it. But every word here starts process after process, and each would compile anew all that it imports:
    # a process of the tests takes 6 s of CPU to begin then, and 2 s otherwise.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        word = arguments[0]
        getattr(importlib.import_module(WORDS[word]), word.replace("-", "_"))()
    except Problem as problem:
        print(problem, file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
