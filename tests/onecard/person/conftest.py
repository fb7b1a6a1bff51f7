"""What the tests of the cardholder's pages share."""

from tests.onecard.api.auth.conftest import cheap_hashes

__all__ = ["cheap_hashes"]
