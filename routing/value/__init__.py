"""Strategy `value`: which funding card earns the most money, by the terms of a reward catalogue. Pure and deterministic."""
