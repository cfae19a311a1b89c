"""A workflow on AWS: its state machine, its steps' Lambdas, the record, wake-ups and versions."""
