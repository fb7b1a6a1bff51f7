"""The preview of a control: stored purchases judged again in order, its counters kept in memory."""
