"""Runs queries: the runner, the answer cache, connections, and who has opted out.

Begin in `runner.py`, through which every query of a command goes, and in `connect.py`, which makes one.
It may import `demo`, `sources`, `library` and what lies below; all that asks a question imports it.
"""
