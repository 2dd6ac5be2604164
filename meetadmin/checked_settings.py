"""Settings that need more than a line: secrets, and Google's addresses, network, service account, quota limits and events.

Each function returns the setting. What is wrong goes to `env.refuse`, and a default is returned, so that all mistakes are reported at once.
"""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from meetadmin.env import Environment, is_random, is_weak_secret
from spaces.google.endpoints import Endpoints
from spaces.google.limits import Limits
from spaces.google.network import Network
from spaces.google.push import Arrangement, reachable
from spaces.vault import Vault


def check_secrets(env: Environment, secret_key: str, token_keys: str, *, loopback: bool) -> None:
    """Refuse keys that cannot be read or, on a public address, can be guessed."""
    try:
        keys = Vault.keys(token_keys)
    except ValueError as error:
        env.refuse(f"MEETADMIN_TOKEN_KEYS: {error}")
        keys = {}
    if loopback:
        return
    if secret_key and is_weak_secret(secret_key, least=32):
        env.refuse(
            "MEETADMIN_SECRET_KEY is too short or too simple: whoever guesses it can sign in as anybody. Write at least 32 random "
            'characters: python -c "import secrets; print(secrets.token_urlsafe(50))"'
        )
    for name, key in keys.items():
        if not is_random(key):
            env.refuse(
                f"The key {name!r} in MEETADMIN_TOKEN_KEYS is not random. Make one: "
                'python -c "import base64, os; print(base64.b64encode(os.urandom(32)).decode())"'
            )


def endpoints(env: Environment, *, loopback: bool) -> Endpoints:
    """Return Google's addresses, or those of a simulator. `loopback`: Meetadmin is served on this machine only."""
    simulator = env.text("MEETADMIN_GOOGLE_URL", "")
    if not simulator:
        return Endpoints.real()
    if not loopback:
        env.refuse(
            "MEETADMIN_GOOGLE_URL points to a simulator while MEETADMIN_BASE_URL is a public address: anybody could sign in "
            "as anybody. Use the simulator on this machine only."
        )
    try:
        return Endpoints.simulated(simulator)
    except ValueError as error:
        env.refuse(f"MEETADMIN_GOOGLE_URL: {error}")
        return Endpoints.real()


def network(env: Environment, google: Endpoints) -> Network:
    """Return the proxy and the certificate authority for all requests to Google.

    The usual variables of the environment count where ours are not set. They are read once, here. Requests to a simulator never use a proxy.
    """
    usual_ca = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE") if google.are_real else ()
    proxy = env.secret("MEETADMIN_PROXY", "") or (
        env.first("HTTPS_PROXY", "https_proxy") if google.are_real else ""
    )
    try:
        return Network(
            proxy="" if proxy.lower() == "none" else proxy,
            no_proxy=env.first("NO_PROXY", "no_proxy"),
            ca_bundle=env.first("MEETADMIN_CA_BUNDLE", *usual_ca),
        )
    except ValueError as error:
        env.refuse(
            f"{error} Set in MEETADMIN_PROXY or HTTPS_PROXY, or in MEETADMIN_CA_BUNDLE, REQUESTS_CA_BUNDLE or SSL_CERT_FILE "
            "(docs/install.md, section 7; MEETADMIN_PROXY=none asks Google directly)."
        )
        return Network()


def service_account(env: Environment) -> dict[str, Any] | None:
    """Return the content of the service account's key file; None without one."""
    path = env.text("GOOGLE_SERVICE_ACCOUNT_FILE", "")
    if not path:
        return None
    try:
        key = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        env.refuse(f"GOOGLE_SERVICE_ACCOUNT_FILE ({path}) cannot be read: {error}")
        return None
    if not isinstance(key, dict):
        env.refuse(
            f"GOOGLE_SERVICE_ACCOUNT_FILE ({path}) is no service account key: it holds no JSON object."
        )
        return None
    return key


def limits(env: Environment) -> Limits:
    """Return the calls a minute that Google allows the Cloud project and each account in it."""
    try:
        return Limits(
            **{
                limit.name: env.number(f"MEETADMIN_QUOTA_{limit.name.upper()}", getattr(Limits(), limit.name))
                for limit in fields(Limits)
            }
        )
    except ValueError as error:
        env.refuse(f"MEETADMIN_QUOTA_...: {error}")
        return Limits()


def arrangement(
    env: Environment, google: Endpoints, account: dict[str, Any] | None, base_url: str, path: str
) -> Arrangement | None:
    """Return how events arrive; None when nothing is set: then Meetadmin only asks at intervals."""
    topic = env.text("MEETADMIN_PUSH_TOPIC", "")
    subscriptions = tuple(env.items("MEETADMIN_PUSH_SUBSCRIPTIONS"))
    push_account = env.text("MEETADMIN_PUSH_ACCOUNT", "")
    audience = env.text("MEETADMIN_PUSH_AUDIENCE", "")
    pull = env.flag("MEETADMIN_PUSH_PULL")
    if not (topic or subscriptions or push_account or audience or pull):
        return None
    if not pull and not audience:
        audience = base_url + path  # Google's default when the push subscription names none
    try:
        push = Arrangement(
            topic=topic, subscriptions=subscriptions, account=push_account, audience=audience, pull=pull
        )
    except ValueError as error:
        env.refuse(
            f"{error} (docs/install.md, section 11; unset all MEETADMIN_PUSH_... to go without events)"
        )
        return None
    if push.pull and account is None:
        env.refuse(
            "MEETADMIN_PUSH_PULL is on, but events are fetched in the name of the service account, and "
            "GOOGLE_SERVICE_ACCOUNT_FILE is not set."
        )
    if not push.pull and google.are_real and not reachable(base_url):
        env.refuse(
            f"Google pushes to https addresses only, and MEETADMIN_BASE_URL is {base_url}. Set MEETADMIN_PUSH_PULL=1 and take "
            "MEETADMIN_PUSH_ACCOUNT and MEETADMIN_PUSH_AUDIENCE away: then Meetadmin fetches the events."
        )
    return push
