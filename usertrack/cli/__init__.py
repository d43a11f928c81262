"""The command line: a module per group of commands, which turns options into one call of the Python API.

Begin in `app.py` for the commands and their errors, and in `analytics.py` for a command as most of them are.
It may import every area, and none imports it. It writes to stdout and stderr, and ends with exit codes.
"""
