"""The record of runs: rows, what they hold, and the seams to what stores and executes them."""
