"""Feature tables from bars, and the test that no value looks ahead."""
