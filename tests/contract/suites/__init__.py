"""What every store has to do, as classes.

Whoever has another store runs them over it: derive from each and give it a fixture ``store``.
"""
