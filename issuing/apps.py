from django.apps import AppConfig


class IssuingConfig(AppConfig):
    name = "issuing"

    def ready(self) -> None:
        """Installs the alarm about refused credentials, the handlers of entered amounts, and the names for notices.

        Raises ImproperlyConfigured for a fraud hook that cannot be used.
        """
        from issuing import entered_amounts
        from issuing.activity import decision_notices
        from issuing.billing import balance_refunds
        from issuing.clearing import match_proposals
        from issuing.fraud import registry as fraud_hooks
        from issuing.operations import alarm as issuer_alarm

        issuer_alarm.install()
        entered_amounts.install()
        balance_refunds.install()
        match_proposals.install()
        decision_notices.install()
        fraud_hooks.hooks()
