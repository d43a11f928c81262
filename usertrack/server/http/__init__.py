"""What every endpoint of the embedded PostHog needs: settings, keys, errors, pages, the log of failures."""
