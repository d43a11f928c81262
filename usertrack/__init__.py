"""usertrack: who to talk to this week, why, and what is broken for whom."""

__version__ = "0.1.0"
