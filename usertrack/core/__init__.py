"""The lowest area, used by all others: documents, tables, periods, errors, statistics.

Begin in `document.py` for what commands show, in `table.py` for answers, and in `errors.py` for what may go wrong.
It imports no other area. What only one area needs lies there and not here.
"""
