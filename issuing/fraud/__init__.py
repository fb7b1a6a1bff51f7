"""Fraud hooks: plain callables that look at a purchase before it is decided (docs/decisions/0061)."""
