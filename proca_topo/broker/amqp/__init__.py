"""What AMQP is used for."""
