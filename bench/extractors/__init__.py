"""Feature extractors and classifiers, one per file: the file name is the registry."""
