"""Failure investigation: what fails, for whom, since when, and whose it is to mend.

Tool level (single calls) and workflow level (whole runs) stand side by side and are never mixed in one number.
"""
