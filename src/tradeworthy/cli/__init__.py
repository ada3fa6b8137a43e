"""The command line: the same use cases as HTTP, through the same door."""
