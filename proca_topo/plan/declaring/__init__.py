"""In which order things are declared."""
