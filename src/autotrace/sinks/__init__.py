"""Where records go: the writer thread, and the sinks that it feeds."""
