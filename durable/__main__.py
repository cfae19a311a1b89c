"""`python -m durable`."""

from durable.cli import main

main(prog_name="python -m durable")
