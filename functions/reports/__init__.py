"""The steps of a report on an uploaded file of sales, one module a step."""
