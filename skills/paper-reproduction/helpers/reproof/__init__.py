"""Reproof: reproduction with proof. The importable package behind the launchers in `helpers/`."""

__version__ = "0.1.0"
