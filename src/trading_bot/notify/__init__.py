"""What a person is told of a running bot on a phone, and the heartbeat that tells a service elsewhere that it is well.

What it guarantees:

1. Nothing here delays an order. Events come on a thread of their own (`event_feeds`), each service has another one, and
   no lock of the order layer is held while a message is made or sent.
2. A dead network costs memory up to a limit, and nothing else. Each service has an `Outbox` of so many messages. When
   it is full, the oldest that is not urgent is left out, and the next message says how many were.
3. Only what failed is sent again, after a pause that doubles up to `LONGEST_PAUSE_S`. A service that took a message and
   whose answer was lost gets it twice.
4. No secret is in a message, an error or a log: every text goes through `SecretMasker`, and a service is shown by the
   kind of its address.
5. A stop waits for the last messages `GIVEN_UP_AFTER_S` at most.

What it does not: messages that wait are in memory alone. A process that is killed does not send them; the journal has
what they would have said. Nobody is told of a bot that does not run: that is what the heartbeat is for.
"""
