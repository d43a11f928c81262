"""Export, erase, retention and pseudonyms. A place is said to hold nothing only after it was read again."""
