from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RoutingConfig(AppConfig):
    name = "routing"

    def ready(self) -> None:
        """Adds missing reference rows after every migrate, as Django does with its permissions."""
        from routing.reference import load_missing

        post_migrate.connect(load_missing, sender=self)
