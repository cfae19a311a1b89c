"""The clients of bindings on one machine, one module for each kind."""
