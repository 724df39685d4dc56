"""One run from its plan to its file: the dataset, verification, probes, rounds."""
