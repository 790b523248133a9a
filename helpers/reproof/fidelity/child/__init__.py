"""What runs in the project's interpreter: one model, exported to a graph of operators."""
