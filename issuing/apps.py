from django.apps import AppConfig


class IssuingConfig(AppConfig):
    name = "issuing"

    def ready(self) -> None:
        """Administrators hear of credentials that an issuer turned away, in every process."""
        from issuing import issuer_alarm

        issuer_alarm.install()
