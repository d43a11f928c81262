"""Patterns of what people do, and of what they stop doing: found while it happens, and by the same code in history."""
