"""The demo's people, live: visits that are made up as they happen, and sent as a browser sends them."""
