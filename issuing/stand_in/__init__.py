"""Answers of our own while the database does not answer: by a policy, from a snapshot, into a file (0056)."""
