"""Checks that run before a question is asked: files of the workspace, columns of the database, connections.

Begin in `workspace.py` for files alone, in `online.py` for what is asked of the sources, and in `doctor.py` for both.
It may import what lies below, but not `reports` beside it.
"""
