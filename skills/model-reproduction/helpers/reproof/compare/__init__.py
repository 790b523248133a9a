"""Claims of a plan against the records of its runs: a verdict per claim, by rule and without a model."""
