"""What every floor may use, and what uses none: documents, tables, periods, errors, statistics."""
