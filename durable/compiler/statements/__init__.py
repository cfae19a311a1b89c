"""Python's statements as the program tree, steps and waits included."""
