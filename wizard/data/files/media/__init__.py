"""Pictures, videos and sounds that rows refer to: found, checked, fetched, and made ready for a model."""
