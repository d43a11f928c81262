"""What an account, a run or a call is in a database that nobody has described: read, propose, show, write."""
