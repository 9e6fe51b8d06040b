class GeneratorError(Exception):
    """Something the caller can mend; the message names the argument or file and the remedy."""
