"""States as Amazon States Language, whole and cut into segments that park."""
