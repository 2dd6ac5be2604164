"""What one `spaces.get` costs this machine: through our client, and through both of Google's libraries as they are."""

import statistics
import sys
import time
from collections.abc import Callable

from google.apps import meet_v2
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build

from benchmarks.stage import Stage, say, table
from spaces.google.meet import MeetClient

ROUNDS, EACH = 12, 40


def measure(calls: dict[str, Callable[[], object]]) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return CPU and wall milliseconds per call of each batch, by name; the clients take turns."""
    cpu: dict[str, list[float]] = {name: [] for name in calls}
    wall: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(ROUNDS):
        for name, call in calls.items():
            began, used = time.perf_counter(), time.thread_time()
            for _ in range(EACH):
                call()
            cpu[name].append((time.thread_time() - used) / EACH * 1000)
            wall[name].append((time.perf_counter() - began) / EACH * 1000)
    return cpu, wall


def main(names: list[str]) -> None:
    """Batches of calls, the clients taking turns, processor time of this thread alone."""
    with Stage.inherited() as place:
        owner, space = names
        token = place.control("token", {"email": owner})["access_token"]
        credentials = Credentials(token)
        ours = MeetClient(credentials, base_url=place.google, quota_user=owner)
        bare = meet_v2.SpacesServiceClient(
            transport="rest", credentials=credentials, client_options={"api_endpoint": place.google}
        )
        dynamic = build(
            "meet",
            "v2",
            credentials=credentials,
            client_options={"api_endpoint": place.google},
            cache_discovery=False,
            static_discovery=True,
        )
        calls: dict[str, Callable[[], object]] = {
            "MeetClient": lambda: ours.get_space(space),
            "google-apps-meet, REST, bare": lambda: bare.get_space(name=space),
            "google-api-python-client": lambda: dynamic.spaces().get(name=space).execute(),
        }
        cpu, wall = measure(calls)
        dynamic.close()
    base = statistics.median(cpu["MeetClient"])
    say(
        f"Processor time of one spaces.get: {ROUNDS} batches of {EACH} calls each, clients taking turns; milliseconds."
    )
    table(
        ("client", "CPU p50", "least", "wall p50", "CPU : MeetClient"),
        [
            (
                name,
                f"{statistics.median(cpu[name]):.2f}",
                f"{min(cpu[name]):.2f}",
                f"{statistics.median(wall[name]):.2f}",
                f"{statistics.median(cpu[name]) / base:.2f}",
            )
            for name in calls
        ],
    )


if __name__ == "__main__":
    main(sys.argv[1:])
