"""What happens inside of one step: the wrapper, waits, child runs, undo."""
