"""What policies do, at once, to what is there already."""
