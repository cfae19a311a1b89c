"""What lies on the disk of one machine: SQLite's tables, the engine's journal, large values as files."""
