"""Read a paper: located text, candidates for hyperparameters, claims. Nothing is decided here."""
