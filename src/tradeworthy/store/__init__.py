"""Where the product keeps what it knows: one protocol, three stores, all the SQL."""
