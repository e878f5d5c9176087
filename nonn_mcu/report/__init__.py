"""Reports as text and values; printing is the command line's."""
