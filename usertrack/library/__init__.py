"""The library of queries: headers, SQL as tokens, fragments, entities, and how a query is shown.

Begin in `library.py`, which finds a query by name, and in `query.py` for what one is; `header.py` reads the file.
It may import `core` alone, and runs nothing: `engine` does.
"""
