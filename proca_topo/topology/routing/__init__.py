"""Where messages go: which bindings match, which queues are reached, what becomes of what is not consumed.

`matching` answers for one exchange, by its type (`topic_trie`, `headers`); `routes` follows the way through
exchanges, as far as queues; `topics` compares patterns with keys and with each other. All of it is pure, and the
same for what the spec says and for what a broker shows. `ways_out` tells how messages leave a queue but by being
consumed, and `tracing` follows one all the way.
"""
