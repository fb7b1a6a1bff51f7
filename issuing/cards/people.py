"""The facts about a person that an issuer gets: their profile, e-mail address and accepted terms."""

from issuing.issuers.base import Address, Person, Terms
from wallet.models import Cardholder


def person_of(holder: Cardholder) -> Person:
    """Returns the person as issuers take them, from a row with its `user`."""
    address = Address(
        holder.address_line1,
        holder.address_city,
        holder.address_state,
        holder.address_postal_code,
        holder.address_country,
        line2=holder.address_line2,
    )
    accepted_at, accepted_from = holder.terms_accepted_at, holder.terms_accepted_from
    return Person(
        holder.legal_first_name,
        holder.legal_last_name,
        email=holder.user.email,
        address=address,
        phone=holder.phone,
        birth_date=holder.birth_date,
        terms=Terms(accepted_at, str(accepted_from)) if accepted_at and accepted_from else None,
    )
