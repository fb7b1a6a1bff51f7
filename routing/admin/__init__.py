"""Pages of staff about the routing rules: rankings with their drafts, and the numbers that the rules need."""

from routing.admin import catalogue, drafts, odds, personal_rules, previews, rankings, rule_numbers

__all__ = ["catalogue", "drafts", "odds", "personal_rules", "previews", "rankings", "rule_numbers"]
