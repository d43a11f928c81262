"""Who is in which segment, and why: rules, profiles, classification."""
