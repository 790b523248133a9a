"""GPU memory before running: what a training step, a Sinkhorn call and a trajectory pool need, in closed form."""
