"""Runs `manage.py` in forks of a process that has imported our dependencies, and nothing of ours.

Importing them is most of the time that a refused start takes. One line of JSON on stdin asks for one start: its
arguments, its whole environment, its folder, and the files for its output. The answer is its exit status.
"""

import gc
import json
import os
import runpy
import signal
import sys
from importlib import import_module
from typing import Any

LIBRARIES = (
    *("django.core.management", "django.db", "django.core.checks", "django.core.mail", "django.template"),
    *("environ", "cryptography.fernet", "cryptography.hazmat.primitives.ciphers.aead", "psycopg", "redis", "requests"),
    *("django.contrib.postgres.fields", "django.core.handlers.wsgi", "django.db.migrations.executor"),
    *("django.middleware.csrf", "django.views.generic", "celery.app.task", "celery.schedules", "kombu.transport.redis"),
    *("sqlparse", "stripe", "celery", "kombu", "argon2", "iso4217", "zoneinfo", "prometheus_client"),
    *("django.contrib.humanize.templatetags.humanize", "django.contrib.admin.decorators", "django.test.signals"),
    *("rest_framework.fields", "drf_spectacular.utils", "django_filters.exceptions", "fido2.webauthn", "uritemplate"),
    *("stripe.params", "stripe.params._payment_intent_create_params", "stripe.params._customer_create_params"),
    *("celery.worker.state", "pygments.lexers", "pygments.formatters", "statistics"),
)
TIMEOUT_S = 60


def main() -> None:
    for name in LIBRARIES:
        import_module(name)
    # A start is too short for its garbage to matter.
    gc.freeze()
    gc.disable()
    for line in sys.stdin:
        start = json.loads(line)
        child = os.fork()
        if not child:
            status = run(start)
            sys.stdout.flush()
            sys.stderr.flush()
            # The interpreter's own end would take every imported library apart, which is most of a start's time.
            os._exit(status)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def run(start: dict[str, Any]) -> int:
    """Returns the exit status and prints what the interpreter would print at its end; other exceptions pass."""
    signal.alarm(TIMEOUT_S)
    for number, path in enumerate((os.devnull, start["stdout"], start["stderr"])):
        opened = os.open(path, os.O_RDWR)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(start["environment"])
    os.chdir(start["cwd"])
    sys.path[0] = start["cwd"]
    sys.argv = start["words"]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
        return ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    return 0


if __name__ == "__main__":
    main()
