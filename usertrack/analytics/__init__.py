"""Product analytics, with PostHog's definitions: one question, one file. The numbers are those of queries/posthog/."""
