"""What is saved in PostHog, and what it knows of a project."""
