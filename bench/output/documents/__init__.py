"""Writers of the parts of README and docs/ that come from results or from --help."""
