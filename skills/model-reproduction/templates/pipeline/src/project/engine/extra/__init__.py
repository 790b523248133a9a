"""What an experiment may use and a reader may skip; each file is imported only where it is asked for."""
