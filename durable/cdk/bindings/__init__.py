"""The constructs of bindings, one module for each kind."""
