"""The package of this project: `core` is the algorithm, `engine` is everything else."""
