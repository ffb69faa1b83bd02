"""A config.json, or a line of the catalogue, as numbers: what a model is made of, and how much of it there is."""
