"""Python's expressions as typed terms, each form in the module of its types."""
