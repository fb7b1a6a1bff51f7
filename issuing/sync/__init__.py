"""Issuer sync: compares our cards, events and transactions with the issuer's, resolves and records the differences."""
