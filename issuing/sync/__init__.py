"""Issuer sync: what we hold and what the issuer holds, compared, resolved by a stated rule, and written down."""
