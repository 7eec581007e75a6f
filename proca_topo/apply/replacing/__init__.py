"""Replacing what RabbitMQ cannot change, without losing a message."""
