"""A plan meets a broker: declare, read back, delete with care, read back again."""
