"""How many of a cohort came back in the intervals after."""
