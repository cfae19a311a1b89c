"""What is done to runs from outside: transitions, lists, histories, reconciling."""
