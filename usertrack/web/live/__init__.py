"""What is live: one reader of events and alerts for all who look, and what each of them is shown."""
