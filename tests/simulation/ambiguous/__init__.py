"""A great many submits whose answers go wrong, over both wires: nothing is sent twice, denied while it lives, or lost.

Each life is one account: a real manager, book and gateway on a journal in memory and a clock that only waiting moves,
with the stand-in broker below our own HTTP session. It places some dozens of orders. A trouble (`troubles`) strikes
each of them, and others the lists that are read to look for it; now and then the caller asks for the same order again.
Then the faults end, the manager synchronises, the session closes, and `checks` judges every order:

1. The broker has one order of each intent at most. More are there only where one request was delivered several times on
   its way to a broker that takes each copy (`RefIdMode.ACCEPT_AGAIN`), and then all but one of them are cancelled.
2. Nobody was told that an order was refused or not sent that the broker had, then or later.
3. Once the faults have ended, no order is in doubt that a list could settle.

What is believed, and so not asked of the broker: that a refusal (400, 403, 404, 422 with a reason) and "too many
requests" (429, on the private wire) mean that this request made no order. Where it says 409, or names the ``ref_id``,
of an order that it does not have, only a person can end the doubt; those are counted apart (`Ended.LEFT_TO_A_PERSON`).
"""
