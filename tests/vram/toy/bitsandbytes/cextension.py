"""As in the library without a GPU's driver: importing it fails."""

raise RuntimeError("no native library for this machine")
