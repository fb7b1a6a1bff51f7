from django.apps import AppConfig


class IssuingConfig(AppConfig):
    name = "issuing"

    def ready(self) -> None:
        """Installs the alarm about refused credentials, and the handlers of entered amounts."""
        from issuing import entered_amounts
        from issuing.clearing import match_proposals
        from issuing.operations import alarm as issuer_alarm

        issuer_alarm.install()
        entered_amounts.install()
        match_proposals.install()
