"""Speaking to a service, a server by its URL or a home's own in process."""
