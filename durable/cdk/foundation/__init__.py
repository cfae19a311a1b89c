"""What every construct stands on: settings, functions, tables, layers, and AWS's limits."""
