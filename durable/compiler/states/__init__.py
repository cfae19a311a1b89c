"""States and the edges between them: the control flow of the program tree, and the variables that live in it."""
