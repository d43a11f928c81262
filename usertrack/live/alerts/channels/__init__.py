"""A file a channel: a notification → what is sent, and how."""
