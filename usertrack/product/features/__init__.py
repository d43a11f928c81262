"""Which features are used, by how many, and whether people come back to them."""
