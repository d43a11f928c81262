"""The lowest layer, used by all others: documents, tables, periods, errors, statistics."""
