from allauth.usersessions.apps import UserSessionsConfig as LibraryConfig
from django.apps import AppConfig


class ApiConfig(AppConfig):
    default = True
    name = "onecard.api"
    label = "api"
    verbose_name = "Frontend API"

    def ready(self) -> None:
        """Registers how things look in the API, for events of webhooks; all other apps of the product are ready."""
        from onecard.api.webhooks.shapes import SHAPES
        from onecard.integrations import events
        from onecard.start import collect_from_now_on

        for kind, (name, render) in SHAPES.items():
            events.register(kind, name, render)
        collect_from_now_on()


class UserSessionsConfig(LibraryConfig):
    """allauth's list of sessions, of people only: onecard/api/auth/devices.py adds them, and no signal does."""

    default = False

    def ready(self) -> None:
        """Connects nothing."""
