"""What is wrong with a topology that RabbitMQ would take all the same. Pure.

A rule has a code, a text of its own (what it costs, an example, the remedy), from which its page in docs/rules is
made, and a function that finds what breaks it. `registry` lists them, `checking` asks them all.
"""
