"""Plan × code × data: what is planned, what the code sends, what has arrived.

Begin in `material.py`, which gathers the three, and in `events.py`, which joins them event by event.
It may import `plan`, `insights`, `engine` and what lies below, but none of the areas beside it, such as `mapping`.
"""
