"""The steps of a sync of records from a partner, one module a step."""
