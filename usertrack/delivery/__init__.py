"""What leaves this machine for a server that is no source, posted safely and with retries: of `push` and `alerts`."""
