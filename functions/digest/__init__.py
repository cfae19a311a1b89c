"""The steps of the nightly digest, one module a step."""
