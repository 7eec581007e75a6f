"""What cannot be changed in place: what replacing it costs, and what stands in the way."""
