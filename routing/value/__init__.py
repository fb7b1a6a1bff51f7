"""Strategy `value`: which funding card earns the most money by a catalogue of reward terms. Pure, deterministic."""
