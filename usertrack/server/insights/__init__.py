"""PostHog's insight queries (trends, funnels, retention …), computed by HogQL."""
