"""How many people were active, how often and for how long, over time."""
