"""The gate and the report: evidence gathered, looked at again, and laid out for a reviewer."""
