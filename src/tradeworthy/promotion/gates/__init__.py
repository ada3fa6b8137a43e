"""The gates, one file a concern: the facts that it reads and the checks that read them."""
