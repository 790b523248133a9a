"""What runs in the user's interpreter: one training step on fake CUDA tensors, and the list of its allocations.

Standard library and torch only, and nothing of ours from outside this folder: the interpreter may know neither.
"""
