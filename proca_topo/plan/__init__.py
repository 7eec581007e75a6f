"""Desired and existing in, a plan out. Pure: nothing here reads a file or asks a broker."""
