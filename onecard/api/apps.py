from allauth.usersessions.apps import UserSessionsConfig as LibraryConfig
from django.apps import AppConfig


class ApiConfig(AppConfig):
    default = True
    name = "onecard.api"
    label = "api"
    verbose_name = "Frontend API"

    def ready(self) -> None:
        """Registers how things look in the API, for events of webhooks."""
        from onecard.api.webhooks.shapes import SHAPES
        from onecard.integrations import events

        for kind, (name, render) in SHAPES.items():
            events.register(kind, name, render)


class UserSessionsConfig(LibraryConfig):
    """allauth's list of sessions, of people only: onecard/api/auth/devices.py adds them, and no signal does."""

    default = False

    def ready(self) -> None:
        """Connects nothing."""
