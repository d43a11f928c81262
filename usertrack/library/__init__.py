"""The library of queries: headers, SQL as tokens, fragments, and how a query is shown."""
