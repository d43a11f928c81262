"""How long sessions are, where they begin and where they end."""
