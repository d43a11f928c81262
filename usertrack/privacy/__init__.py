"""What is held on a person, and an end to it. A place is said to hold nothing only after it was read again."""
