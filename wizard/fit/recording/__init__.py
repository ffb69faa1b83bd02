"""A layer and the head of a model, recorded on a tape as transformers computes them."""
