"""Runs in the interpreter of the user's project: computes floors. Needs numpy; W2 and FID need scipy."""
