"""Finds accounts, runs and calls in a database that nobody has described: reads, proposes, shows, writes.

Begin in `proposal.py` for what is proposed, in `catalog.py` for what is read, and in `ways.py` for how tables join.
It may import `engine`, `library` and what lies below, but none of the areas beside it, such as `coverage`.
"""
