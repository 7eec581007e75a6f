"""Whether messages go where the spec promises. Pure: what a broker did with them comes in as a value."""
