"""The handlers of the Lambdas, a module for each kind, which imports only what that kind needs.

Each has `handler_of(environment)`, which Lambda's process calls once.
"""
