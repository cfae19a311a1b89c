"""What a step is given for a binding, but for what a service does."""
