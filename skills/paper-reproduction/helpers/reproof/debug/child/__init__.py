"""Runs in the interpreter of the user's project: measures, and judges nothing. Needs torch and Python 3.8."""
