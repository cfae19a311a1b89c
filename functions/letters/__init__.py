"""Plain letters: a message on the queue, and the consumer that sends it."""
