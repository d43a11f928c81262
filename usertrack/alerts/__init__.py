"""What becomes of a signal: one alert with a life of its own, and as few messages about it as will do."""
