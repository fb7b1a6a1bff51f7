"""What many tests share: rows, events, people who are logged in, servers, and threads that meet at a statement.

What one folder of tests alone needs lies beside its tests.
"""
