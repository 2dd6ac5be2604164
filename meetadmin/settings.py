"""All settings, in reading order. Every read of the environment goes through meetadmin.env, which collects what is wrong; the last
line raises it all at once."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONE, SELF

from meetadmin import checked_settings
from meetadmin.env import Environment, is_weak_secret
from meetadmin.version import version
from spaces.google import addresses
from spaces.google.endpoints import is_loopback, is_this_machine

env = Environment(os.environ)
ENCRYPTED = {"require", "verify-ca", "verify-full"}  # libpq's sslmode
ROOT = Path(__file__).resolve().parent.parent
STATE = Path(env.text("MEETADMIN_STATE_DIR", str(ROOT / "var"))).resolve()
VERSION = version(ROOT)

# --- Where it is reached -------------------------------------------------------------------------
DEBUG = env.flag("MEETADMIN_DEBUG")
BASE_URL = env.base_url("MEETADMIN_BASE_URL", "http://127.0.0.1:8000")
_base = urlsplit(BASE_URL)
HTTPS = _base.scheme == "https"
LOOPBACK = is_loopback(BASE_URL)
if not HTTPS and not LOOPBACK:
    env.refuse(
        f"MEETADMIN_BASE_URL is {BASE_URL}: outside this machine Meetadmin is served over https only, because "
        "sign-in cookies would otherwise travel in the open. Put a TLS proxy in front and write its https address here."
    )
# Compose sets this: Redis and PostgreSQL share a network with Meetadmin that nothing else can read, so they need no TLS.
PRIVATE_NETWORK = env.flag("MEETADMIN_PRIVATE_NETWORK")
# Loopback is always allowed: that is where probes of the same machine come from.
ALLOWED_HOSTS = [
    _base.hostname or "127.0.0.1",
    *env.items("MEETADMIN_ALLOWED_HOSTS"),
    "127.0.0.1",
    "localhost",
    "[::1]",
]
CSRF_TRUSTED_ORIGINS = [BASE_URL]
if not LOOPBACK and DEBUG:
    env.refuse(
        "MEETADMIN_DEBUG is on beside a public MEETADMIN_BASE_URL: error pages would show settings and passwords to strangers. "
        "Unset it."
    )
if not LOOPBACK and any(host in {"*", "."} for host in ALLOWED_HOSTS):
    env.refuse(
        "MEETADMIN_ALLOWED_HOSTS contains *: anybody could choose the host name in our links. List the names."
    )
BODY_SECONDS = env.number("MEETADMIN_BODY_SECONDS", 20, least=1, most=600)  # for a request's body to arrive

DATA_UPLOAD_MAX_MEMORY_SIZE = 4_000_000  # bytes; as in meetadmin.bodies, which is asked first

# --- Secrets -------------------------------------------------------------------------------------
SECRET_KEY = env.secret(
    "MEETADMIN_SECRET_KEY",
    help_text="It signs sessions. `make demo` and `make run` make one; elsewhere: "
    'python -c "import secrets; print(secrets.token_urlsafe(50))"',
)
# Keys that seal stored Google tokens: "kid:base64,kid:base64", the first one seals, all of them open.
TOKEN_KEYS = env.secret("MEETADMIN_TOKEN_KEYS", "")
checked_settings.check_secrets(env, SECRET_KEY, TOKEN_KEYS, loopback=LOOPBACK)

# --- Google --------------------------------------------------------------------------------------
GOOGLE = checked_settings.endpoints(env, loopback=LOOPBACK)
NETWORK = checked_settings.network(env, GOOGLE)
GOOGLE_CLIENT_ID = env.text("GOOGLE_CLIENT_ID", "")
GOOGLE_CLIENT_SECRET = env.secret("GOOGLE_CLIENT_SECRET", "")
GOOGLE_SERVICE_ACCOUNT = checked_settings.service_account(env)
GOOGLE_TIMEOUT = env.number(
    "MEETADMIN_GOOGLE_TIMEOUT", 8, least=1, most=120
)  # seconds a single call may take
# Calls a minute that Google allows the Cloud project and each account in it; people have a reserve that machines leave alone.
QUOTA = checked_settings.limits(env)
QUOTA_RESERVE = env.number("MEETADMIN_QUOTA_RESERVE", 20, most=90) / 100  # per cent

# --- Events from Google (push) -------------------------------------------------------------------
# All of it or nothing: without a topic Meetadmin looks at intervals only.
PUSH_PATH = "/hooks/google/pubsub"
PUSH = checked_settings.arrangement(env, GOOGLE, GOOGLE_SERVICE_ACCOUNT, BASE_URL, PUSH_PATH)

# --- Who may come in -----------------------------------------------------------------------------
DOMAINS = env.domains("MEETADMIN_DOMAINS")
FIRST_ADMINS = frozenset(env.addresses("MEETADMIN_FIRST_ADMINS"))
for _admin in sorted(FIRST_ADMINS):
    if _why := addresses.explain(_admin, DOMAINS):
        env.refuse(f"MEETADMIN_FIRST_ADMINS: {_why}")
ROOM_MAILBOXES = env.addresses("MEETADMIN_ROOM_MAILBOXES")

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
    "meetadmin.monitoring",
]
MIDDLEWARE = [
    "spaces.middleware.request_ids",
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
_database_url = env.secret("DATABASE_URL", f"sqlite:///{STATE / 'db.sqlite3'}")
try:
    DATABASES = {"default": dj_database_url.parse(_database_url, conn_health_checks=True)}
except (ValueError, KeyError):  # the message would repeat the password
    env.refuse("DATABASE_URL is not an address such as postgresql://user:password@host:5432/name.")
    DATABASES = {"default": dj_database_url.parse("sqlite://:memory:")}
_database = DATABASES["default"]
_options = _database.setdefault("OPTIONS", {})
if _database["ENGINE"] == "django.db.backends.sqlite3":
    # WAL and immediate transactions: readers never wait, and writers queue up instead of failing with "locked".
    # synchronous=FULL because an audit row must survive a power cut.
    _options |= {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA mmap_size=134217728;"
        "PRAGMA journal_size_limit=67108864;PRAGMA cache_size=-4000;",
    }
    _database["CONN_MAX_AGE"] = 600  # opening the file costs as much as several queries
else:
    # A web process has 24 threads in its lanes and 2 for streams (meetadmin/asgi.py), and each may hold a connection.
    _options |= {"pool": {"min_size": 1, "max_size": 28, "timeout": 5}}
    _elsewhere = not is_this_machine(_database.get("HOST", ""))
    if not LOOPBACK and _elsewhere and not PRIVATE_NETWORK and _options.get("sslmode") not in ENCRYPTED:
        env.refuse(
            "DATABASE_URL reaches PostgreSQL on another host without TLS. Append ?sslmode=verify-full (or require), or set "
            "MEETADMIN_PRIVATE_NETWORK=1 when nobody else can read the network between them."
        )

# --- Redis or Valkey -----------------------------------------------------------------------------
REDIS_URL = env.secret("REDIS_URL", "redis://127.0.0.1:6379/0")
_redis = urlsplit(REDIS_URL)
if _redis.scheme not in {"redis", "rediss", "unix"}:
    env.refuse(
        "REDIS_URL is not an address such as rediss://:password@host:6379/0 or unix:///run/valkey.sock?db=0."
    )
elif (
    not LOOPBACK
    and _redis.scheme == "redis"
    and not is_this_machine(_redis.hostname or "")
    and not PRIVATE_NETWORK
):
    env.refuse(
        "REDIS_URL reaches Redis on another host without TLS. Use rediss://, or set MEETADMIN_PRIVATE_NETWORK=1 when nobody "
        "else can read the network between them."
    )
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "meetadmin",
        # A server that has stopped answering is no better than none: nobody's thread waits for it.
        # JSON: unpickling what somebody else has written to Redis would run their code.
        "OPTIONS": {"pool_class": "spaces.broker.Pool", "serializer": "spaces.broker.JSONSerializer"},
    }
}

# --- Sessions and cookies ------------------------------------------------------------------------
SESSION_ENGINE = "spaces.sessions"  # in the database, not cached: pages must come up while Redis is away
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
SECURE_HSTS_PRELOAD = env.flag(
    "MEETADMIN_HSTS_PRELOAD"
)  # a decision about the whole domain, so only when asked for
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# W008: a proxy ends TLS in front of us and only it reaches this process, so it is the one that redirects plain http.
# W021: preloading is the operator's decision.
SILENCED_SYSTEM_CHECKS = ["security.W008", "security.W021"] if HTTPS else []
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

# --- Celery (named settings; the schedule is in meetadmin.celery) -------------------------------
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
CELERY_BEAT_SCHEDULER = "meetadmin.scheduler:LockedScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_TIMEZONE = "UTC"

# --- How often we look (seconds), and how much of Google's quota that may take ---------------------
SWEEP_EVERY = env.number("MEETADMIN_SWEEP_EVERY", 30 if GOOGLE.are_real else 10, least=1, most=3600)
SWEEP_WITH_PUSH = env.number("MEETADMIN_SWEEP_WITH_PUSH", 120, least=1, most=3600)
RECONCILE_AFTER = env.number("MEETADMIN_RECONCILE_AFTER", 1800, least=1)
POLL_SHARE = env.number("MEETADMIN_POLL_SHARE", 10, least=1, most=90) / 100  # per cent

# --- How long it is kept (days) ---------------------------------------------------------------------
KEEP_NAMES = env.number("MEETADMIN_KEEP_NAMES", 30, least=1, most=36_500)  # who was in which call
KEEP_CALLS = env.number(
    "MEETADMIN_KEEP_CALLS", 1095, least=1, most=36_500
)  # that there was one, and the numbers of it
if KEEP_CALLS < KEEP_NAMES:
    env.refuse(
        f"MEETADMIN_KEEP_NAMES is {KEEP_NAMES} and MEETADMIN_KEEP_CALLS is {KEEP_CALLS}; keep calls for at least as long as the "
        "names in them."
    )

# --- When a call counts as stuck (minutes; 0 switches the rule off; rooms may have their own) -------
STUCK_AFTER = {
    "empty": env.number("MEETADMIN_STUCK_EMPTY", 15),  # nobody is in it
    "devices": env.number("MEETADMIN_STUCK_DEVICES", 30),  # only room devices, bots and phones are
    "alone": env.number("MEETADMIN_STUCK_ALONE", 60),  # one person, no device or phone
    "hostless": env.number("MEETADMIN_STUCK_HOSTLESS", 180),  # whoever ran it has left
    "running": env.number("MEETADMIN_STUCK_RUNNING", 720),  # since it began
}

# --- Who is no person in a call --------------------------------------------------------------------
# Names of note-taking bots; `default` stands for the built-in list (spaces.models.recognition.NOTE_TAKERS).
BOT_NAMES = env.items("MEETADMIN_BOT_NAMES", "default")

# --- Who may read /metrics -----------------------------------------------------------------------
# A bearer token for Prometheus; without one only signed-in admins get an answer. Names of mailboxes can be kept out of it.
METRICS_TOKEN = env.secret("MEETADMIN_METRICS_TOKEN", "")
if METRICS_TOKEN and not LOOPBACK and is_weak_secret(METRICS_TOKEN, least=16):
    env.refuse(
        "MEETADMIN_METRICS_TOKEN is too short or too simple. Write at least 16 random characters: "
        'python -c "import secrets; print(secrets.token_urlsafe(32))"'
    )
METRICS_NAMES = env.flag("MEETADMIN_METRICS_NAMES", default=True)

# --- Language, time, static files ----------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]  # each in its own words: who looks for it can read it
LOCALE_PATHS = [ROOT / "locale"]
FORMAT_MODULE_PATH = ["meetadmin.formats"]
LANGUAGE_COOKIE_NAME = "__Host-meetadmin-language" if HTTPS else "meetadmin-language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
TIME_ZONE = env.time_zone("MEETADMIN_TIME_ZONE", "UTC")
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("MEETADMIN_STATIC_ROOT", str(STATE / "staticfiles")))
STATICFILES_DIRS = [ROOT / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_ALLOW_ALL_ORIGINS = False  # no other site needs our files
if LOOPBACK:
    # On one's own machine files are served as they are, so that a change shows without a collect step.
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    WHITENOISE_USE_FINDERS = True
    WHITENOISE_MAX_AGE = 60

# --- Logs ----------------------------------------------------------------------------------------
LOG_LEVEL = env.choice("MEETADMIN_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}{request_id}: {message}", "style": "{"}},
    "filters": {"request_id": {"()": "spaces.request_id.LogFilter"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request_id"]}
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {"google.auth": {"level": "WARNING"}, "urllib3": {"level": "WARNING"}},
}

env.check()
