"""Proof that a port computes, learns and starts as its reference does: a ladder of comparisons by running both."""
