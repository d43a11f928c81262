"""Documents with several answers: weekly report, dossier, activity page; and the verification of reports.

Begin in `weekly.py`, which asks, and `weekly_view.py`, which makes the document.
It may import what lies below, such as `failures`, `live`, `product` and `segments`, but not `checks` beside it.
"""
