"""Runs: how one is created, what it is at, and how it ends."""
