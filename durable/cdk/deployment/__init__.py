"""A deployment as a whole: its stage, what it has deployed before, and what it may change."""
