"""What runs in the user's interpreter: standard library, numpy, and the library in question. Nothing of ours.

It is loaded under its own name without touching `sys.path`, so the imports inside are relative, and it must be
readable by Python 3.8. Every case runs in a process forked from one that has imported the library.
"""
