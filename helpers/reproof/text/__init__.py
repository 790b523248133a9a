"""A paper as located text: read from any format, searched exactly, and what it states in numbers."""
