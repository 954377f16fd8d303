"""A demo school: its files, and how they go in through the public API."""

from .load import DemoError, DemoLogin, Progress, load_demo

__all__ = ["DemoError", "DemoLogin", "Progress", "load_demo"]
