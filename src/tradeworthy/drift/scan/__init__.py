"""One scan of a model, and the schedule of its scans."""
