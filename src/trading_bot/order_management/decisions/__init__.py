"""What a person decides where no evidence decides: the end of an order, a freeze, a position.

What this room guarantees:

1. A decision needs a name and a reason, and both are recorded.
2. The broker is asked first. A decision that contradicts what it shows is refused.
3. A decision sends no order.

`operator_decisions` is the service. `ended_by_hand` ends an order, `freeze_decisions` ends a freeze or a halt, and
`accepting` says which position is meant.
"""
