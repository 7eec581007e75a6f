"""RabbitMQ's management API, as requests and answers."""
