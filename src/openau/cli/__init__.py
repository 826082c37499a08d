"""The command line: thin, and quick to answer because a command loads its libraries only when it runs."""
