"""Every setting, from the environment; an unsafe one is refused with a sentence (environment.py, production.py).

docs/environment.md has the variables. Blocks: the environment, apps, database, queue, issuer and processor, web, logs.
"""

import logging
from hashlib import sha256
from pathlib import Path

from onecard import alert_settings, environment, fraud_settings, frontend_api, production, sign_in, stand_in
from onecard.admin_theme import UNFOLD  # noqa: F401  (the back office's look; its own file because it is long)
from onecard.kit import time_zones
from onecard.logs import lines, optional

# The same zones on every machine, whatever its own copy of them holds.
time_zones.use_shipped()

BASE_DIR = Path(__file__).resolve().parent.parent

# The environment ------------------------------------------------------------------------------------------------

DEBUG = environment.flag("DEBUG", default=False)
SECRET_KEY = environment.secret("SECRET_KEY", blanks=True) or (production.DEVELOPMENT_KEY if DEBUG else "")
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS", default="localhost,127.0.0.1,[::1]" if DEBUG else "")

ISSUER_PROVIDERS = ("stripe", "marqeta", "mock")
ISSUER_PROVIDER = environment.choice("ISSUER_PROVIDER", default="stripe", among=ISSUER_PROVIDERS)
ISSUER_BACKUP_PROVIDER = environment.choice("ISSUER_BACKUP_PROVIDER", default="", among=ISSUER_PROVIDERS)

STRIPE_API_KEY = environment.secret("STRIPE_API_KEY")
STRIPE_PUBLISHABLE_KEY = environment.prefixed("STRIPE_PUBLISHABLE_KEY", prefix="pk_")
STRIPE_API_BASE = environment.url("STRIPE_API_BASE", default="", schemes=environment.HTTP).rstrip("/")
STRIPE_WEBHOOK_SECRETS = environment.secrets("STRIPE_WEBHOOK_SECRETS")
STRIPE_API_VERSION = environment.text("STRIPE_API_VERSION", default="2024-06-20")
# Events of connected accounts carry their account; our own carry none, or this one.
STRIPE_ACCOUNT_ID = environment.prefixed("STRIPE_ACCOUNT_ID", prefix="acct_")
# The shape of an event follows its version: these are read here, and events of others are refused with a case.
STRIPE_EVENT_VERSIONS = environment.words("STRIPE_EVENT_VERSIONS", default="2024-06-20,2026-10-28.endive")
# How much of an account's rate limit its cards may use; we stay a fifth below it, and 0 is no budget.
STRIPE_CALLS_PER_SECOND = environment.number("STRIPE_CALLS_PER_SECOND", default=25, least=0, most=10_000)

MARQETA_BASE_URL = environment.url("MARQETA_BASE_URL", default="", schemes=environment.HTTP)
MARQETA_APPLICATION_TOKEN = environment.secret("MARQETA_APPLICATION_TOKEN")
MARQETA_ADMIN_ACCESS_TOKEN = environment.secret("MARQETA_ADMIN_ACCESS_TOKEN")
MARQETA_CARD_PRODUCT_TOKEN = environment.text("MARQETA_CARD_PRODUCT_TOKEN")
# One aggregate budget a program, with the figure in the contract (docs/issuers/marqeta.md, Core API).
MARQETA_CALLS_PER_SECOND = environment.number("MARQETA_CALLS_PER_SECOND", default=25, least=0, most=10_000)
MARQETA_CURRENCY = environment.currency("MARQETA_CURRENCY", default="USD")
# Two doors, two callers: the gateway asks, the webhook reports. A door without both of its words is closed.
MARQETA_JIT_USERNAME = environment.text("MARQETA_JIT_USERNAME")
MARQETA_JIT_PASSWORD = environment.secret("MARQETA_JIT_PASSWORD")
MARQETA_WEBHOOK_USERNAME = environment.text("MARQETA_WEBHOOK_USERNAME")
MARQETA_WEBHOOK_PASSWORD = environment.secret("MARQETA_WEBHOOK_PASSWORD")
# When set, each delivery must carry a signature made with it as well.
MARQETA_WEBHOOK_SECRET = environment.secret("MARQETA_WEBHOOK_SECRET")

# Stripe waits 2000 ms, with the network in it (docs/issuers/stripe.md, Real-time authorizations); past ours we decline.
DECISION_DEADLINE_MS = environment.number("DECISION_DEADLINE_MS", default=1000, least=50, most=1900)
FRAUD_HOOKS, FRAUD_DECLINING_HOOKS, FRAUD_HOOK_BUDGET_MS, CARD_HISTORY_MAX_AGE_S = fraud_settings.read()
STAND_IN_DIR, STAND_IN_POLICY, STAND_IN_CARD_AMOUNT, STAND_IN_SNAPSHOT_MAX_AGE_S, STAND_IN_KEEP_DAYS = stand_in.read()
# A proxy that sets X-Request-Start on every request tells how long it held one; anybody else could make it up.
TRUST_REQUEST_START = environment.flag("TRUST_REQUEST_START", default=False)

# An ordinary processor account has one merchant code, so the funding card's issuer may see ours (docs/routing.md).
MERCHANT_MCC_PASSED_THROUGH = environment.flag("MERCHANT_MCC_PASSED_THROUGH", default=False)

# Which strategy chooses funding cards: as each cardholder prefers, or by value for all; and whether a choice by value
# counts how likely each card is to pay, and the processor's fee (docs/routing.md).
ROUTING_STRATEGY = environment.choice("ROUTING_STRATEGY", default="preference", among=("preference", "value"))
ROUTING_ODDS = environment.flag("ROUTING_ODDS", default=False)
# Reward terms that nobody compared with their source for so many days are shown as stale.
CATALOGUE_STALE_DAYS = environment.number("CATALOGUE_STALE_DAYS", default=180, least=1, most=3650)

# The highest limits that cardholders may set by themselves, in US cents: for one purchase, a day and a month.
# How long a cardholder's "it was me" lets one retry pass a control, and how often in 24 hours for one card.
CONTROL_PASS_MIN = environment.number("CONTROL_PASS_MIN", default=10, least=1, most=60)
CONTROL_PASSES_A_DAY = environment.number("CONTROL_PASSES_A_DAY", default=3, least=1, most=50)
CARD_LIMIT_CEILINGS = environment.ceilings("CARD_LIMIT_CEILINGS", default="200000,500000,2000000")
# How many cards a person may begin to add within 24 hours: whoever tries out stolen cards needs many.
CARD_SETUPS_A_DAY = environment.number("CARD_SETUPS_A_DAY", default=10, least=1, most=1000)

# What an approval does with the funding card: charge it at once, or hold the amount and capture it at settlement.
FUNDING_POLICY = environment.choice("FUNDING_POLICY", default="charge_now", among=("charge_now", "hold_then_capture"))
# When no card pays, soft declines are tried again so many hours after that; networks limit how often a card is asked.
CASCADE_RETRIES_H = environment.hours("CASCADE_RETRIES_H", default="1,6,24,72")
# What is too small to be charged waits so many days for the cardholder's next charge, then it is written off.
CARRY_DAYS = environment.number("CARRY_DAYS", default=30, least=1, most=365)
ISSUER_BALANCE_LOW = environment.amounts("ISSUER_BALANCE_LOW")  # Below it our balance there is low: USD:500000.
ISSUER_BALANCE_LOW_DAYS = environment.number("ISSUER_BALANCE_LOW_DAYS", default=3, least=0, most=60)
# For so many months bodies of events and entries of the trail stay; `manage.py archive` refuses younger ones.
EVENT_BODY_MONTHS = environment.number("EVENT_BODY_MONTHS", default=13, least=3, most=1200)
AUDIT_ENTRY_MONTHS = environment.number("AUDIT_ENTRY_MONTHS", default=84, least=36, most=1200)
# Whoever owes a purchase makes no new ones with that card until it is paid, or staff unfreeze it.
FREEZE_ON_RECEIVABLE = environment.flag("FREEZE_ON_RECEIVABLE", default=True)

# An amount that one person enters by hand counts at once up to here, in US cents (other currencies at a rough rate).
TWO_PERSON_ABOVE = environment.number("TWO_PERSON_ABOVE", default=100_000, least=0, most=100_000_000)
# The same for a card's limits, when they are raised.
TWO_PERSON_LIMITS_ABOVE = environment.number("TWO_PERSON_LIMITS_ABOVE", default=1_000_000, least=0, most=100_000_000)

# Numbers and codes of cards are asked of the issuer when somebody reveals them; keeping them is a choice, off.
STORE_CARD_DATA = environment.flag("STORE_CARD_DATA", default=False)
# The first key seals, all open: docs/decisions/0006-card-data.md says how to change them.
CARD_DATA_KEYS = environment.secret_keys(
    "CARD_DATA_KEYS", required_because="STORE_CARD_DATA is on" if STORE_CARD_DATA else ""
)

# Staff's seeds of second factors are sealed with the first of these; docs/decisions/0036-staff-logins.md.
SECOND_FACTOR_KEYS = environment.secret_keys("SECOND_FACTOR_KEYS") or (
    (sha256(SECRET_KEY.encode()).digest(),) if DEBUG else ()
)
# From enrolment until a person may reveal card numbers and agree as the second one; 0 only with DEBUG.
SECOND_FACTOR_WAIT_H = environment.number(
    "SECOND_FACTOR_WAIT_H", default=0 if DEBUG else 24, least=0 if DEBUG else 1, most=720
)
STAFF_IDLE_MIN = environment.number("STAFF_IDLE_MIN", default=30, least=1, most=720)
# What moves money or shows card data is done so long after a code of the second factor, or a passkey.
STAFF_FRESH_CODE_MIN = environment.number("STAFF_FRESH_CODE_MIN", default=10, least=1, most=60)
STAFF_SESSION_H = environment.number("STAFF_SESSION_H", default=12, least=1, most=48)
# How many proxies in front of us append to X-Forwarded-For; 0 counts logins by the address that connects.
ALLAUTH_TRUSTED_PROXY_COUNT = environment.number("TRUSTED_PROXY_COUNT", default=0, least=0, most=10)
# Where people reach the back office; links in mails begin with it.
PUBLIC_URL = environment.url("PUBLIC_URL", default="", schemes=("https", "http")).rstrip("/") or (
    "http://127.0.0.1:8000" if DEBUG else f"https://{ALLOWED_HOSTS[0].lstrip('.') if ALLOWED_HOSTS else 'localhost'}"
)
# Where the card's terms can be read (wallet/kyc/fields.py: TERMS_VERSION); without it the page says to ask for them.
TERMS_URL = environment.url("TERMS_URL", default="", schemes=("https", "http"))

# Without it nobody can verify an address or reset a password; with DEBUG mails go to the log.
EMAIL_URL = environment.mail_url("EMAIL_URL", default="consolemail://" if DEBUG else "")

# For development: webhooks may go to this machine, over plain HTTP too. Refused without DEBUG.
WEBHOOKS_TO_LOOPBACK = environment.flag("WEBHOOKS_TO_LOOPBACK", default=DEBUG)

# Who scrapes /metrics from another machine brings it; without one, only this machine may.
METRICS_TOKEN = environment.secret("METRICS_TOKEN")

production.refuse_unsafe_production(globals())

# Apps -----------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.headless",
    "onecard.api.apps.UserSessionsConfig",
    "onecard",
    "onecard.users",
    "onecard.second_factor",
    "onecard.outbox",
    "onecard.integrations",
    "onecard.notices",
    "audit",
    "wallet",
    "routing",
    "issuing",
    "onecard.alerts",
    "onecard.desk",
    "onecard.metrics",
    "onecard.api",
]
# Test equipment with commands of its own, where a checkout has it; an installation is made without tests/.
INSTALLED_APPS += ["tests.sandbox", "tests.proofs"] if (BASE_DIR / "tests" / "sandbox").is_dir() else []
AUTH_USER_MODEL = "users.User"
globals().update(sign_in.settings_of_the_library(debug=DEBUG), **sign_in.passwords())
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "onecard.urls"
WSGI_APPLICATION = "onecard.wsgi.application"
FIXTURES_DIR = BASE_DIR / "fixtures"

# Database -------------------------------------------------------------------------------------------------------

DATABASES = {
    "default": {
        **environment.database(),
        # Connections are kept, since a new one costs more than a decision; the decision's own path mends a broken one.
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }
}
# Where DATABASE_URL is a pooler's: the database itself, for reconciliation, whose tables live as long as its session.
DIRECT_DATABASE = environment.direct_database()

# Queue: the broker carries ids of work, never the truth; losing all of it loses no money ------------------------

REDIS_URL = environment.url("REDIS_URL", default="redis://127.0.0.1:6379/0", schemes=environment.REDIS)
CELERY_BROKER_URL = environment.url(
    "CELERY_BROKER_URL",
    default=REDIS_URL.replace("unix://", "redis+socket://", 1),  # Kombu's word for the same socket.
    schemes=environment.BROKERS,
)

CACHES = sign_in.caches(REDIS_URL)

# Web ------------------------------------------------------------------------------------------------------------

# What this web process serves: the issuers' doors, the desk (staff and cardholders), or both.
ONECARD_ROLE = environment.choice("ONECARD_ROLE", default="all", among=("all", "doors", "desk"))

MIDDLEWARE = [
    "onecard.logs.requests.RequestLog",
    "onecard.api.response_times.ResponseTimes",
    "onecard.api.plain_refusals.PlainRefusals",
    "onecard.https.RefusePlainPosts",
    "django.middleware.security.SecurityMiddleware",
    "onecard.kit.requests.RefuseNul",
    "onecard.desk.compressed_pages.CompressedPages",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "onecard.second_factor.sessions.StaffSessions",
    "onecard.desk.viewer.Viewer",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "onecard.desk.open_links.OpenLinks",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["django.template.loaders.filesystem.Loader", "onecard.desk.unfold_templates.Loader"],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "onecard.second_factor.views.back_office_theme",
            ],
        },
    }
]
APPEND_SLASH = False  # A redirect counts as a failed delivery at the issuer; every URL is exact.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
# An uploaded file stays in memory, as large as a body may be (onecard/asgi.py): nothing of it is on a disk in plain.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
CSRF_FAILURE_VIEW = "onecard.api.auth.refusals.without_csrf_token"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_COOKIE_AGE = STAFF_SESSION_H * 3600
# A code that was mailed stands in its session until it is used.
SESSION_SERIALIZER = "onecard.kit.sealed_sessions.SealedSerializer"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SECURE_CONTENT_TYPE_NOSNIFF = True
# The proxy in front must set this header itself and let none through from outside (docs/threat-model.md).
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 0 if DEBUG else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
# A place in the browsers' own list is nearly for ever and binds the whole domain: its owner asks for that, not we.
# allauth's own pages know staff's names, and its sign-up people's addresses (onecard/sign_in.py).
SILENCED_SYSTEM_CHECKS = ["security.W021", "account.W001"]
# A server that answers to loopback names only has no TLS in front; with a public name plain HTTP is turned to HTTPS.
SECURE_SSL_REDIRECT = not DEBUG and production.is_public(ALLOWED_HOSTS)
# Asked by this machine, or by the load balancer from inside; onecard/https.py refuses plain webhooks.
SECURE_REDIRECT_EXEMPT = [r"^health/(live|ready)$", r"^metrics$"]

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # The admin's few files are served without a collectstatic step.
WHITENOISE_AUTOREFRESH = DEBUG

LANGUAGE_CODE = "en-us"
# Of the back office and of a person's rules (onecard/desk/viewer.py, onecard/person/page.py), each in its own words.
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LANGUAGE_COOKIE_NAME = "onecard_language"
# Our own texts, then what Unfold does not bring in German.
LOCALE_PATHS = [BASE_DIR / "locale", BASE_DIR / "onecard" / "locale_unfold"]
FORMAT_MODULE_PATH = ["onecard.formats"]
TIME_ZONE = "UTC"
USE_TZ = True

REST_FRAMEWORK = frontend_api.REST_FRAMEWORK
SPECTACULAR_SETTINGS = frontend_api.SPECTACULAR

# Mail: codes and notices to people and staff, alarms to administrators ---------------------------------------------

ADMINS = [(address, address) for address in environment.addresses("ADMINS")]
# Who is woken by an incident: these, or ADMINS.
ALERTS = alert_settings.read(loopback=WEBHOOKS_TO_LOOPBACK)
globals().update(environment.mail_at(EMAIL_URL))
EMAIL_TIMEOUT = 5
SERVER_EMAIL = environment.text("SERVER_EMAIL", default="onecard@localhost")
EMAIL_SUBJECT_PREFIX = "[One Card] "

# Logs -----------------------------------------------------------------------------------------------------------

# Which release of the product this is, such as a tag or a commit: it stands in each line.
RELEASE = environment.text("RELEASE")
LOG_FORMAT = environment.choice("LOG_FORMAT", default="console" if DEBUG else "json", among=lines.FORMATS)
LOGGING = lines.settings(LOG_FORMAT, RELEASE)
# django-structlog writes a line when a task ends, not when it begins.
DJANGO_STRUCTLOG_CELERY_TASK_START_LOG_LEVEL = logging.DEBUG
# Faults to Sentry and traces to an OpenTelemetry collector, both with what a line of the log may have and no more.
SENTRY_DSN = optional.require("SENTRY_DSN", environment.project_address("SENTRY_DSN"))
OTEL_EXPORTER_OTLP_ENDPOINT = optional.require(
    "OTEL_EXPORTER_OTLP_ENDPOINT", environment.url("OTEL_EXPORTER_OTLP_ENDPOINT", default="", schemes=environment.HTTP)
)
# The library reads it by itself; it holds the collector's key.
environment.secret("OTEL_EXPORTER_OTLP_HEADERS", blanks=True)
