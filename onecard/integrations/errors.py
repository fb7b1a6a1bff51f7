"""Why something about a webhook endpoint was refused."""

from collections.abc import Mapping

from onecard.kit.errors import OneCardError


class TooManyEndpointsError(OneCardError):
    """A person has as many webhook endpoints as they may have."""

    code = "too_many_webhook_endpoints"


class TargetRefusedError(OneCardError):
    """A webhook's address cannot be sent to."""

    code = "webhook_url_refused"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.errors: Mapping[str, list[str]] = {"url": [self.message]}


class EndpointOffError(OneCardError):
    """The webhook endpoint is switched off, so nothing is sent to it."""

    code = "webhook_endpoint_off"


class StoppedByStaffError(OneCardError):
    """Staff switched the webhook endpoint off, so only they switch it on."""

    code = "webhook_endpoint_stopped"
