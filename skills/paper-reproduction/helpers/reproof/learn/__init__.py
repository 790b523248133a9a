"""The catalogue of mistakes: find by symptom, add, validate, promote."""
