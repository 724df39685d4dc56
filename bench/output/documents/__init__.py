"""Writers of those parts of README and docs/ that come from results or from --help."""
