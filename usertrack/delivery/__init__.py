"""Posts to servers that are no source, safely and with retries: for `push` and `alerts`."""
