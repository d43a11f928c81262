"""A module for each page: its routes, what it asks, and how the answer is laid out."""
