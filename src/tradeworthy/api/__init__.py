"""The HTTP edge: routes, status codes, problem documents."""
