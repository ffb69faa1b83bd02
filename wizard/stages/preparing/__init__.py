"""What the prepare stage is made of: sources -> batches of examples -> rows of tokens -> one Arrow file, kept."""
