from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RoutingConfig(AppConfig):
    name = "routing"

    def ready(self) -> None:
        """Reference rows are there after every migrate, as Django's own permissions are."""
        from routing.reference import load_missing

        post_migrate.connect(load_missing, sender=self)
