from django.apps import AppConfig
from django.db.models.signals import post_migrate


class UsersConfig(AppConfig):
    name = "onecard.users"
    label = "users"

    def ready(self) -> None:
        """Permissions exist only after all migrations, so the groups receive theirs then."""
        from onecard.users.roles import give_permissions

        post_migrate.connect(give_permissions, dispatch_uid="onecard.users.roles")
