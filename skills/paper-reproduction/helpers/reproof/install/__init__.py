"""Built copies of helpers and templates inside the skill folders."""
