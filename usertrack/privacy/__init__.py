"""Export, erase, retention and pseudonyms. A place is said to hold nothing only after it was read again.

Begin in `places.py` for where data on a person can be, and in `erase.py` for the order in which it goes.
It may import `live`, `segments`, `engine` and what lies below, but none of the areas beside it.
"""
