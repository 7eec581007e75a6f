"""What a plan does to messages: where they go before, and where afterwards.

`afterwards` makes the changes on paper, `touched` finds the messages that a change may concern, `comparison`
routes them before and after, and `telling` puts what comes of it (`facts`) to each change.
"""
