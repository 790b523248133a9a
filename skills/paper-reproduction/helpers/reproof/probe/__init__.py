"""Probe: call a library with the exact shapes of every experiment before building on it."""
