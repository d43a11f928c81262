"""The common part of all endpoints of the embedded PostHog: settings, keys, errors, pages, the log of failures."""
