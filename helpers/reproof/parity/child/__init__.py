"""What runs in the user's interpreters: one side each, and the judge. Needs NumPy, and the framework of its side."""
