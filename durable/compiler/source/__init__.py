"""The source of a `run`: its syntax tree, its names, and the rewritings that leave fewer forms to compile."""
