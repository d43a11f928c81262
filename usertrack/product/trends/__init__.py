"""How often something happens, by how many people, and how much, over time."""
