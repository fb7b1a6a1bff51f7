"""The hooks that are shipped: pure and inline, each with its thresholds beside it (docs/decisions/0061)."""
