"""Moving the messages of a queue over AMQP, without losing one."""
