"""The decision's path under measurement, turn by turn with two references of the same run (docs/performance.md).

A: one SQL function and one commit for each authorization, sent by pgbench: what PostgreSQL on this machine can do.
B: an in-memory server with the same signature and rules that stores nothing: what a server can do that forgets.
Speed is compared and never judged: each figure is a ratio to a reference that had the same machine at the same time.
"""
