"""The systems that a suite compares; one module each, its name in the registry is the file name."""
