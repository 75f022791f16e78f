# ruff: noqa: INP001  # a script of the build
"""Builds the one extension. Without a compiler the package installs without it, and says nothing.

`venuekit` asks for `venuekit_fast.books` and goes on without it.
"""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension("venuekit_fast.books", ["src/venuekit_fast/books.pyx"], optional=True),
    ]
)
