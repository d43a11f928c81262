"""PostHog's saved insights: kept beside the events, computed by writing HogQL from their query nodes."""
