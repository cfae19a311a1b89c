"""The steps of an expense's approval, one module a step."""
