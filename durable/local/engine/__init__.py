"""The embedded engine: executions of state machines, their worker threads, timers and waits."""
