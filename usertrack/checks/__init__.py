"""Checks that run before a question is asked: files of the workspace, columns of the database, connections."""
