"""One case of `estimate`: read from JSON, refused where it makes no sense, answered."""
