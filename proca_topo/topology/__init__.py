"""The nouns of RabbitMQ as plain values, and what can be said of them without a broker or a file."""
