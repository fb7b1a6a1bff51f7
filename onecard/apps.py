from django.apps import AppConfig


class OneCardConfig(AppConfig):
    name = "onecard"
    verbose_name = "One Card"

    def ready(self) -> None:
        """Makes the Celery app current in every process, so that tasks and the relay share one configuration.

        Then what was logged is reported from here on, where that is set.
        """
        from onecard import celery, checks  # noqa: F401
        from onecard.logs import optional

        optional.start()
