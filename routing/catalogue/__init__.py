"""The reward catalogue: its file, its rows, drafts of it, and what the engine reads of it (docs/decisions/0064)."""
