"""PostHog's capture: from a request of an SDK to stored events and their persons."""
