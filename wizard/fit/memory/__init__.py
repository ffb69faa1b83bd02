"""A whole step put together of recordings: what is held at each moment, and the law that follows."""
