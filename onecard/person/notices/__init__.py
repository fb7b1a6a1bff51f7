"""The pages of a person's notices: the feed, and where each kind goes."""
