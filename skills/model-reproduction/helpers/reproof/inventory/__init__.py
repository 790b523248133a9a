"""What a source repository holds: files, units, hyperparameters, details; read, never run."""
