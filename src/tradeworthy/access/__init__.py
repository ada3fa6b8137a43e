"""Who may do what: roles, actors and bearer tokens."""
