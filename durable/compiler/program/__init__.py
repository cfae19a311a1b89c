"""The program tree between Python and states: steps, branches, loops and tries, each with its typed terms."""
