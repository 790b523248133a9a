"""What runs in the interpreter that is looked at: standard library only, Python 3.6 or newer."""
