"""Failure investigation: what fails, for whom, since when, and who has to fix it.

Tool level (calls) and workflow level (runs) are shown side by side, and never mixed in one number.
Begin in `investigation.py`; `bursts.py` finds incidents. It may import `live`, `product`, `segments` and what lies
below, but none of the areas beside it: `privacy`, `push`, `mapping` and `coverage`.
"""
