"""A definitions file that stands for a broker."""
