"""What gathers the facts of each concern, in the file of its name, by a function ``gather``."""
