"""Everything that is not the algorithm. Start reading at run.py (the phases in order), then loop.py (the step)."""
