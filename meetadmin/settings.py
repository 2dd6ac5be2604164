"""All settings, in reading order. Every read of the environment goes through meetadmin.env."""

import json
from dataclasses import fields
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from meetadmin import env
from meetadmin.version import version
from spaces.google.endpoints import Endpoints, is_loopback
from spaces.google.network import Network
from spaces.google.push import Arrangement, reachable
from spaces.google.quota import Limits
from spaces.vault import Vault

ROOT = Path(__file__).resolve().parent.parent
STATE = Path(env.text("MEETADMIN_STATE_DIR", str(ROOT / "var"))).resolve()
VERSION = version(ROOT)

# --- Where it is reached -------------------------------------------------------------------------
DEBUG = env.flag("MEETADMIN_DEBUG")
BASE_URL = env.text("MEETADMIN_BASE_URL", "http://127.0.0.1:8000").rstrip("/")
_base = urlsplit(BASE_URL)
HTTPS = _base.scheme == "https"
LOOPBACK = is_loopback(BASE_URL)
if not HTTPS and not LOOPBACK:
    raise ImproperlyConfigured(
        f"MEETADMIN_BASE_URL is {BASE_URL}: outside this machine Meetadmin is served over https only, because "
        "sign-in cookies would otherwise travel in the open. Put a TLS proxy in front and write its https address here."
    )
# Loopback is always allowed: that is where probes of the same machine come from.
ALLOWED_HOSTS = [
    _base.hostname or "127.0.0.1",
    *env.items("MEETADMIN_ALLOWED_HOSTS"),
    "127.0.0.1",
    "localhost",
    "[::1]",
]
CSRF_TRUSTED_ORIGINS = [BASE_URL]

# --- Secrets -------------------------------------------------------------------------------------
SECRET_KEY = env.secret(
    "MEETADMIN_SECRET_KEY",
    help_text="It signs sessions. `make demo` and `make run` make one; elsewhere: "
    'python -c "import secrets; print(secrets.token_urlsafe(50))"',
)
# Keys that seal stored Google tokens: "kid:base64,kid:base64", the first one seals, all of them open.
TOKEN_KEYS = env.secret("MEETADMIN_TOKEN_KEYS", "")
try:
    Vault(TOKEN_KEYS)
except ValueError as error:
    raise ImproperlyConfigured(f"MEETADMIN_TOKEN_KEYS: {error}") from error

# --- Google --------------------------------------------------------------------------------------
_simulator = env.text("MEETADMIN_GOOGLE_URL", "")
try:
    GOOGLE = Endpoints.simulated(_simulator) if _simulator else Endpoints.real()
except ValueError as error:
    raise ImproperlyConfigured(f"MEETADMIN_GOOGLE_URL: {error}") from error
if not GOOGLE.are_real and not LOOPBACK:
    raise ImproperlyConfigured(
        "MEETADMIN_GOOGLE_URL points to a simulator while MEETADMIN_BASE_URL is a public address: anybody could sign in "
        "as anybody. Use the simulator on this machine only."
    )
# One way out for everything that is asked of Google. Without a setting, the environment's usual variables count, read once, here.
_proxy = env.first("MEETADMIN_PROXY", "HTTPS_PROXY", "https_proxy")
try:
    NETWORK = Network(
        proxy="" if _proxy.lower() == "none" else _proxy,
        no_proxy=env.first("NO_PROXY", "no_proxy"),
        ca_bundle=env.first("MEETADMIN_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"),
    )
except ValueError as error:
    raise ImproperlyConfigured(f"MEETADMIN_PROXY, MEETADMIN_CA_BUNDLE: {error}") from error
GOOGLE_CLIENT_ID = env.text("GOOGLE_CLIENT_ID", "")
GOOGLE_CLIENT_SECRET = env.secret("GOOGLE_CLIENT_SECRET", "")
_service_account = env.text("GOOGLE_SERVICE_ACCOUNT_FILE", "")
try:
    GOOGLE_SERVICE_ACCOUNT = json.loads(Path(_service_account).read_text()) if _service_account else None
except (OSError, ValueError) as error:
    raise ImproperlyConfigured(
        f"GOOGLE_SERVICE_ACCOUNT_FILE ({_service_account}) cannot be read: {error}"
    ) from error
GOOGLE_TIMEOUT = env.number("MEETADMIN_GOOGLE_TIMEOUT", 8)  # seconds a single call may take
# Calls a minute that Google allows the Cloud project and each account in it; people have a reserve that machines leave alone.
try:
    QUOTA = Limits(
        **{
            limit.name: env.number(f"MEETADMIN_QUOTA_{limit.name.upper()}", getattr(Limits(), limit.name))
            for limit in fields(Limits)
        }
    )
except ValueError as error:
    raise ImproperlyConfigured(f"MEETADMIN_QUOTA_...: {error}") from error
_reserve = env.number("MEETADMIN_QUOTA_RESERVE", 20)
if not 0 <= _reserve <= 90:
    raise ImproperlyConfigured(f"MEETADMIN_QUOTA_RESERVE is {_reserve}; write a percentage from 0 to 90.")
QUOTA_RESERVE = _reserve / 100

# --- Events from Google (push) -------------------------------------------------------------------
# All of it or nothing: without a topic Meetadmin looks at intervals only.
PUSH_PATH = "/hooks/google/pubsub"
_push = {
    "topic": env.text("MEETADMIN_PUSH_TOPIC", ""),
    "subscriptions": tuple(env.items("MEETADMIN_PUSH_SUBSCRIPTIONS")),
    "account": env.text("MEETADMIN_PUSH_ACCOUNT", ""),
    "audience": env.text("MEETADMIN_PUSH_AUDIENCE", ""),
    "pull": env.flag("MEETADMIN_PUSH_PULL"),
}
PUSH: Arrangement | None = None
if any(_push.values()):
    if not _push["pull"] and not _push["audience"]:
        _push["audience"] = BASE_URL + PUSH_PATH  # what Google takes when the push subscription names none
    try:
        PUSH = Arrangement(**_push)  # type: ignore[arg-type]  # a dictionary of several types
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{error} (docs/install.md, section 11; unset all MEETADMIN_PUSH_... to go without events)"
        ) from error
    if PUSH.pull and GOOGLE_SERVICE_ACCOUNT is None:
        raise ImproperlyConfigured(
            "MEETADMIN_PUSH_PULL is on, but events are fetched in the name of the service account, and "
            "GOOGLE_SERVICE_ACCOUNT_FILE is not set."
        )
    if not PUSH.pull and GOOGLE.are_real and not reachable(BASE_URL):
        raise ImproperlyConfigured(
            f"Google pushes to https addresses only, and MEETADMIN_BASE_URL is {BASE_URL}. Set MEETADMIN_PUSH_PULL=1 and take "
            "MEETADMIN_PUSH_ACCOUNT and MEETADMIN_PUSH_AUDIENCE away: then Meetadmin fetches the events."
        )

# --- Who may come in -----------------------------------------------------------------------------
DOMAINS = frozenset(domain.lower() for domain in env.items("MEETADMIN_DOMAINS"))
FIRST_ADMINS = frozenset(email.lower() for email in env.items("MEETADMIN_FIRST_ADMINS"))
ROOM_MAILBOXES = [email.lower() for email in env.items("MEETADMIN_ROOM_MAILBOXES")]

# --- The application -----------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "template_partials",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "spaces",
    "spaces.signin",
]
MIDDLEWARE = [
    # Pages hold the same row fifty times, so they shrink to a tenth. Why that gives no secret away: docs/decisions/0014.
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "spaces.middleware.persons_language",
    "spaces.middleware.remembers_whose",
    "spaces.middleware.SignInRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "spaces.middleware.answers_to_read",
]
ROOT_URLCONF = "meetadmin.urls"
WSGI_APPLICATION = "meetadmin.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "spaces.views.replies.page_context",
            ],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "spaces.Person"

# --- Database ------------------------------------------------------------------------------------
DATABASES = {
    "default": dj_database_url.parse(
        env.secret("DATABASE_URL", f"sqlite:///{STATE / 'db.sqlite3'}"), conn_health_checks=True
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # WAL and immediate transactions: readers never wait, and writers queue up instead of failing with "locked".
    # synchronous=FULL because an audit row must survive a power cut.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA mmap_size=134217728;"
        "PRAGMA journal_size_limit=67108864;PRAGMA cache_size=-20000;",
    }
else:
    DATABASES["default"]["OPTIONS"] = {"pool": {"min_size": 1, "max_size": 8, "timeout": 5}}

# --- Redis or Valkey -----------------------------------------------------------------------------
REDIS_URL = env.secret("REDIS_URL", "redis://127.0.0.1:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "meetadmin",
        # A server that has stopped answering is no better than none: nobody's thread waits for it.
        "OPTIONS": {"pool_class": "spaces.broker.Pool"},
    }
}

# --- Sessions and cookies ------------------------------------------------------------------------
SESSION_ENGINE = "django.contrib.sessions.backends.db"  # not cached: pages must come up while Redis is away
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-meetadmin-session" if HTTPS else "meetadmin-session"
CSRF_COOKIE_NAME = "__Host-meetadmin-csrf" if HTTPS else "meetadmin-csrf"
CSRF_COOKIE_HTTPONLY = True  # htmx takes the token from the page, no script reads the cookie
CSRF_FAILURE_VIEW = "spaces.views.problems.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- Security headers ----------------------------------------------------------------------------
SECURE_SSL_REDIRECT = HTTPS and not env.flag("MEETADMIN_TLS_AT_PROXY", default=True)
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# A proxy ends TLS in front of us and only it reaches this process, so it is the one that redirects plain http.
SILENCED_SYSTEM_CHECKS = ["security.W008"] if HTTPS else []
_authorize = urlsplit(GOOGLE.authorize)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        # Chromium applies form-action to the redirect that follows the sign-in button, too.
        "form-action": [SELF, f"{_authorize.scheme}://{_authorize.netloc}"],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- Sign-in -------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "spaces.signin.adapter.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "spaces.signin.adapter.GoogleAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_RATE_LIMITS = False  # no password is ever tried here, and the limits would need Redis for signing in
SOCIALACCOUNT_ONLY = True
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_STORE_TOKENS = (
    False  # sign-in tokens are of no use to us; the connect step keeps its own, sealed
)
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_PROVIDERS = {
    "google": {
        "APPS": [{"client_id": GOOGLE_CLIENT_ID, "secret": GOOGLE_CLIENT_SECRET, "key": ""}],
        "SCOPE": ["openid", "email", "profile"],
        "AUTH_PARAMS": {"prompt": "select_account"}
        | ({"hd": next(iter(DOMAINS))} if len(DOMAINS) == 1 else {}),
        "OAUTH_PKCE_ENABLED": True,
        # allauth reads these once, at import; they cannot be changed later.
        "AUTHORIZE_URL": GOOGLE.authorize,
        "ACCESS_TOKEN_URL": GOOGLE.token,
        "CERTS_URL": GOOGLE.certs_pem,
        "IDENTITY_URL": GOOGLE.userinfo,
        "ID_TOKEN_ISSUER": GOOGLE.issuer,
    }
}

# --- Celery (named settings; the timetable is in meetadmin.celery) -------------------------------
CELERY_BROKER_URL = REDIS_URL
if REDIS_URL.startswith("unix://"):
    # One socket, two spellings: kombu wants redis+socket://PATH?virtual_host=N, everything else unix://PATH?db=N.
    _path, _, _query = REDIS_URL.removeprefix("unix://").partition("?")
    _db = dict(part.split("=", 1) for part in _query.split("&") if "=" in part).get("db", "0")
    CELERY_BROKER_URL = f"redis+socket://{_path}?virtual_host={_db}"
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 120
CELERY_TASK_SOFT_TIME_LIMIT = 100
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10
CELERY_WORKER_MAX_TASKS_PER_CHILD = 2000
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,  # far above the hard time limit, or a long task would be handed out twice
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    # A click must not wait for a broker that is away or silent. Workers, for whom nobody waits, have more patience (celery.py).
    "socket_timeout": 1.0,
    "socket_connect_timeout": 0.5,
    "max_retries": 1,
    "interval_start": 0,
    "interval_max": 0.2,
    "socket_keepalive": True,
    "health_check_interval": 25,
}
CELERY_BEAT_SCHEDULER = "meetadmin.timetable:Timetable"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_TIMEZONE = "UTC"

# --- How often we look (seconds), and how much of Google's quota that may take ---------------------
SWEEP_EVERY = env.number("MEETADMIN_SWEEP_EVERY", 30 if GOOGLE.are_real else 10)
SWEEP_WITH_PUSH = env.number("MEETADMIN_SWEEP_WITH_PUSH", 120)
RECONCILE_AFTER = env.number("MEETADMIN_RECONCILE_AFTER", 1800)
_share = env.number("MEETADMIN_POLL_SHARE", 10)
if not 1 <= _share <= 90 or SWEEP_EVERY < 1:
    raise ImproperlyConfigured(
        f"MEETADMIN_POLL_SHARE is {_share} and MEETADMIN_SWEEP_EVERY is {SWEEP_EVERY}; write a percentage from 1 to 90, and "
        "seconds from 1 on."
    )
POLL_SHARE = _share / 100

# --- How long it is kept (days) ---------------------------------------------------------------------
KEEP_NAMES = env.number("MEETADMIN_KEEP_NAMES", 30)  # who was in which call
KEEP_CALLS = env.number("MEETADMIN_KEEP_CALLS", 1095)  # that there was one, and the numbers of it
if KEEP_NAMES < 1 or KEEP_CALLS < KEEP_NAMES:
    raise ImproperlyConfigured(
        f"MEETADMIN_KEEP_NAMES is {KEEP_NAMES} and MEETADMIN_KEEP_CALLS is {KEEP_CALLS}; names are kept for at least a day, and "
        "calls for at least as long as the names in them."
    )

# --- When a call counts as stuck (minutes; 0 switches the rule off; rooms may have their own) -------
STUCK_AFTER = {
    "empty": env.number("MEETADMIN_STUCK_EMPTY", 15),  # nobody is in it
    "devices": env.number("MEETADMIN_STUCK_DEVICES", 30),  # only room devices are
    "alone": env.number("MEETADMIN_STUCK_ALONE", 60),  # one human, no device
    "hostless": env.number("MEETADMIN_STUCK_HOSTLESS", 180),  # whoever ran it has left
    "running": env.number("MEETADMIN_STUCK_RUNNING", 720),  # since it began
}

# --- Who may read /metrics -----------------------------------------------------------------------
# A bearer token for Prometheus; without one only signed-in admins get an answer. Names of mailboxes can be kept out of it.
METRICS_TOKEN = env.secret("MEETADMIN_METRICS_TOKEN", "")
METRICS_NAMES = env.flag("MEETADMIN_METRICS_NAMES", default=True)

# --- Language, time, static files ----------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]  # each in its own words: who looks for it can read it
LOCALE_PATHS = [ROOT / "locale"]
FORMAT_MODULE_PATH = ["meetadmin.formats"]
LANGUAGE_COOKIE_NAME = "__Host-meetadmin-language" if HTTPS else "meetadmin-language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
TIME_ZONE = env.text("MEETADMIN_TIME_ZONE", "UTC")
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("MEETADMIN_STATIC_ROOT", str(STATE / "staticfiles")))
STATICFILES_DIRS = [ROOT / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if LOOPBACK:
    # On one's own machine files are served as they are, so that a change shows without a collect step.
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    WHITENOISE_USE_FINDERS = True
    WHITENOISE_MAX_AGE = 60

# --- Logs ----------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("MEETADMIN_LOG_LEVEL", "INFO")},
    "loggers": {"google.auth": {"level": "WARNING"}, "urllib3": {"level": "WARNING"}},
}
