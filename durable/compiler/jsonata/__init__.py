"""Typed terms as JSONata, with the answers that CPython gives."""
