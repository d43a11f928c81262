"""Failure investigation: what fails, for whom, since when, and who has to fix it.

Tool level (calls) and workflow level (runs) are shown side by side, and never mixed in one number.
"""
