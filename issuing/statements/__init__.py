"""Statements of funding cards: rewards that their issuers posted, beside what we expected (docs/decisions/0067)."""
