"""The ways that people take through events or pages."""
