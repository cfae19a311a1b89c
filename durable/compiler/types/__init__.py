"""The types of values: what an annotation means, what fits what, and the typed terms of expressions."""
