"""Declaring, deleting and swapping through the management API and AMQP."""
