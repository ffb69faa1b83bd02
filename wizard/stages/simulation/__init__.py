"""One training step of the real modelling code on tensors without storage: what it would hold, moment by moment."""
