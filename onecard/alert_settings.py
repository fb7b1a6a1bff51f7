"""Who is woken by an incident (onecard/alerts/): settings from the environment."""

from typing import Any

from onecard import environment


def from_environment(*, to_loopback: bool) -> dict[str, Any]:
    """Returns the settings; without addresses ADMINS get the mails, and each of the secrets signs the webhook.

    Raises ImproperlyConfigured for a webhook without a secret, and for plain HTTP unless it may stay on this machine.
    """
    address = environment.url("ALERT_WEBHOOK_URL", default="", schemes=environment.HTTP if to_loopback else ("https",))
    return {
        "ADMINS": [(each, each) for each in environment.addresses("ADMINS")],
        "ALERT_MAILS": environment.addresses("ALERT_MAILS"),
        "ALERT_WEBHOOK_URL": address,
        "ALERT_WEBHOOK_SECRETS": environment.signing_secrets(
            "ALERT_WEBHOOK_SECRET", required_because="ALERT_WEBHOOK_URL is" if address else ""
        ),
        # Where docs/runbook.md can be read in a browser; messages of incidents link its sections.
        "RUNBOOK_URL": environment.url("RUNBOOK_URL", default="", schemes=environment.HTTP),
    }
