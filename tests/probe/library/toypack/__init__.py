"""A package with a function that is called like the module it comes from."""

from .twin import twin as twin
