"""Several answers in one document: weekly, dossier, activity page; and whether a report still holds."""
