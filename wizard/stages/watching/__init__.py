"""What goes wrong in a training is seen in its numbers, and named."""
