"""One search for everything (Ctrl-K): it looks at the shape of what was typed, and asks only the indexes for that."""
