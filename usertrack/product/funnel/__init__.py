"""How many of those who did a first step did the next ones in time."""
