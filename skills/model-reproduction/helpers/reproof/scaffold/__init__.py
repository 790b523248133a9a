"""A plan becomes a complete project that runs at once."""
