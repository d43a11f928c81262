"""Who stopped coming, and which facts go with that."""
