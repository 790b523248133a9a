"""Is the port's algorithm the reference's, unit by unit? Verbatim or proven."""
