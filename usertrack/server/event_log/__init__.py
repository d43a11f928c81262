"""The durable log between capture and the store: what is acknowledged lies here until the store has it."""
