"""The decision's path over millions of rows, turn by turn with the same path over a database in which nobody bought.

Both databases are on one server, have a product of their own that answers, and are asked in turns: whatever else the
machine does meanwhile, it does to both. Speed is compared and never judged.
"""
