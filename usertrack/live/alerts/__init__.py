"""Turns signals into alerts, one per pattern and person, and sends as few messages about them as will do."""
