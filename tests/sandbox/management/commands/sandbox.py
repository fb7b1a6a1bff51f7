"""Starts the sandbox issuer: a stand-in for Stripe and Marqeta that sends signed webhooks to us."""

import os
import signal
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tests.sandbox.memory import write_memory
from tests.sandbox.server import SandboxServer, make_server
from tests.sandbox.settings import FIXTURES, MarqetaSettings, Settings
from tests.sandbox.world import WorldError


class Command(BaseCommand):
    help = "Start the sandbox issuer: a stand-in for Stripe and Marqeta that sends signed webhooks to us."
    # It talks to the product over HTTP only: no database, no migrations.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, default=12111, help="port to listen on (default: %(default)s)")
        parser.add_argument("--webhook-url", required=True, help="where decisions are asked")
        parser.add_argument("--events-url", help="where ordinary events go (default: the webhook URL)")
        parser.add_argument(
            "--events-by-api", action="store_true", help="ordinary events go only to endpoints made over the API"
        )
        parser.add_argument("--marqeta-gateway-url", help="where Marqeta asks for decisions (default: nowhere)")
        parser.add_argument("--marqeta-webhook-url", help="where Marqeta's events go (default: nowhere)")
        parser.add_argument("--marqeta-events", default="*", help="comma list of what that webhook hears (%(default)s)")
        parser.add_argument(
            "--world", type=Path, default=FIXTURES / "demo_world.json", help="people and cards to start with"
        )

        parser.add_argument("--memory", type=Path, help="keep what it knows in this file, and begin with it")
        parser.add_argument("--events-kept", type=int, default=20_000, help="of Stripe's, the newest (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        server = _make_server(options)
        signal.signal(signal.SIGTERM, _interrupt)
        self.stdout.write(f"Sandbox issuer on {server.url}, webhooks to {options['webhook_url']}")
        self.stdout.flush()
        try:
            server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            if options["memory"]:
                # Nobody is waited for: what is under way is taken up at the next start.
                write_memory(server.sandbox, options["memory"])
                os._exit(0)
            self.stdout.write("Sandbox issuer stopped.")
        finally:
            server.close()


def _make_server(options: dict[str, Any]) -> SandboxServer:
    if not settings.STRIPE_WEBHOOK_SECRETS:
        raise CommandError("Set STRIPE_WEBHOOK_SECRETS: the sandbox signs its webhooks with the first of them.")
    account = Settings(
        api_key=settings.STRIPE_API_KEY,
        webhook_secret=settings.STRIPE_WEBHOOK_SECRETS[0],
        webhook_url=options["webhook_url"],
        events_url=options["events_url"],
        events_by_api=options["events_by_api"],
        # So that what starts both need not wait for a secret that is shown once.
        endpoint_secret=settings.STRIPE_WEBHOOK_SECRETS[0],
        world=options["world"],
        events_kept=options["events_kept"],
        opening_top_up=True,
        memory=options["memory"],
        marqeta=_marqeta(options),
    )
    try:
        return make_server(account, host=options["host"], port=options["port"])
    except WorldError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"The sandbox cannot listen on {options['host']}:{options['port']}: {error}") from error


def _marqeta(options: dict[str, Any]) -> MarqetaSettings:
    words = {
        "application_token": "MARQETA_APPLICATION_TOKEN",
        "admin_access_token": "MARQETA_ADMIN_ACCESS_TOKEN",
        "gateway_username": "MARQETA_JIT_USERNAME",
        "gateway_password": "MARQETA_JIT_PASSWORD",
        "webhook_username": "MARQETA_WEBHOOK_USERNAME",
        "webhook_password": "MARQETA_WEBHOOK_PASSWORD",
        "webhook_secret": "MARQETA_WEBHOOK_SECRET",
    }
    # What is not set, or empty, keeps the sandbox's own word.
    given: dict[str, Any] = {field: getattr(settings, name, "") for field, name in words.items()}
    return replace(
        MarqetaSettings(
            gateway_url=options["marqeta_gateway_url"],
            webhook_url=options["marqeta_webhook_url"],
            webhook_events=tuple(options["marqeta_events"].split(",")),
        ),
        **{field: value for field, value in given.items() if value},
    )


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
