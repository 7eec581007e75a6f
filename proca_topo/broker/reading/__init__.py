"""Reading a vhost, or a part of it, through the management API."""
