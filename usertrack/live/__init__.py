"""What people do now: patterns found in the stream of events (`signals`), and alerts told of them (`alerts`).

Begin in `signals/patterns.py` for what a pattern is, and in `alerts/desk.py` for what becomes of a find.
It may import `product`, `segments` and what lies below; pages and commands import it.
"""
