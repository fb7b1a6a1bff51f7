"""What a person is told: the feed, and where each kind goes."""
