"""Shell: reading and importing users' feature files."""
