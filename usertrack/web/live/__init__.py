"""The live pages: one reader of events and alerts for all viewers, and the screen of each of them."""
