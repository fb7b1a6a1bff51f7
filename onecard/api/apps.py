from allauth.usersessions.apps import UserSessionsConfig as LibraryConfig
from django.apps import AppConfig


class ApiConfig(AppConfig):
    default = True
    name = "onecard.api"
    label = "api"
    verbose_name = "Frontend API"


class UserSessionsConfig(LibraryConfig):
    """allauth's list of sessions, of people only: onecard/api/auth/devices.py adds them, and no signal does."""

    default = False

    def ready(self) -> None:
        """Connects nothing."""
