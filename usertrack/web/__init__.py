"""Pages that people look at: `usertrack open`."""
