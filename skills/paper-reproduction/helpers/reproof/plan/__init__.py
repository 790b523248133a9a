"""The plan: every value with a quote that stands in the paper, or marked as inferred."""
