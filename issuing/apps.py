from django.apps import AppConfig


class IssuingConfig(AppConfig):
    name = "issuing"

    def ready(self) -> None:
        """Administrators hear of credentials that an issuer turned away, and people's amounts are carried out."""
        from issuing import entered_amounts
        from issuing.operations import alarm as issuer_alarm

        issuer_alarm.install()
        entered_amounts.install()
