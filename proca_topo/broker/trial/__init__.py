"""Messages sent through a vhost of our own, to see where they arrive."""
