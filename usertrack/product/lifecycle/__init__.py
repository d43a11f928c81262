"""New, returning, resurrecting and dormant people of an interval."""
