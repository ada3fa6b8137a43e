"""Where the product keeps what it knows: units of work over ports, on SQLite and PostgreSQL."""
