"""A model or a training step of the user's project, looked at while it runs: what is broken, and where first."""
