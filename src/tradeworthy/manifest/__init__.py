"""What a version was made of: dataset, configuration, code, runtime, and the manifest of it all."""
