"""What a decision knows of a card's past: one row a card, kept when decisions are written out (docs/decisions/0061)."""
