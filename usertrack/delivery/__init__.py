"""Posts to servers that are no source, safely and with retries: for `push` and `alerts`.

Begin in `post.py`. It may import `sources` and what lies below, and knows nothing of people or alerts.
"""
