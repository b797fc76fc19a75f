"""The commands of a study host, one module each."""
