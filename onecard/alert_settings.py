"""Who is woken by an incident (onecard/alerts/): settings from the environment."""

from typing import NamedTuple

from onecard import environment


class AlertSettings(NamedTuple):
    """Without addresses ADMINS get the mails; each of the secrets signs the webhook.

    `runbook_url` is where docs/runbook.md can be read in a browser; messages of incidents link its sections.
    """

    mails: list[str]
    webhook_url: str
    webhook_secrets: list[str]
    runbook_url: str


def read(*, loopback: bool) -> AlertSettings:
    """Returns the settings.

    Raises ImproperlyConfigured for a webhook without a secret, and for plain HTTP unless it may stay on this machine.
    """
    address = environment.url("ALERT_WEBHOOK_URL", default="", schemes=environment.HTTP if loopback else ("https",))
    required_because = "ALERT_WEBHOOK_URL is" if address else ""
    return AlertSettings(
        mails=environment.addresses("ALERT_MAILS"),
        webhook_url=address,
        webhook_secrets=environment.signing_secrets("ALERT_WEBHOOK_SECRET", required_because=required_because),
        runbook_url=environment.url("RUNBOOK_URL", default="", schemes=environment.HTTP),
    )
