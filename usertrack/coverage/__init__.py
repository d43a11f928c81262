"""Plan × code × data: what is planned, what the code sends, what has arrived."""
