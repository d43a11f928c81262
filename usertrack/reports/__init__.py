"""Documents with several answers: weekly report, dossier, activity page; and the verification of reports."""
