"""From a strategy file or a researcher's own script to a version with its papers.

This room runs users' code. The serving process never imports it: the service calls it in a process
of its own.
"""
