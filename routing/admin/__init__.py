"""Pages of staff about the routing rules: rankings with their drafts, and the numbers that the rules need."""

from routing.admin import drafts, previews, rankings, rule_numbers

__all__ = ["drafts", "previews", "rankings", "rule_numbers"]
