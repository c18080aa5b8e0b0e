"""The order layer: it never sends an order twice, never forgets one, and can show what it did.

Where to look:

- The face: `manager` (what a caller may do), `wiring` (which services it has), `poller` (the thread that synchronises),
  `rounds` (what each synchronisation calls for), `context` (what every service stands on).
- The rooms: `submit` (an order is sent once), `cancel` (until an order has ended), `sync` (what the broker says),
  `decisions` (what a person decides), `book` (the state, folded from the journal), `journal` (on disk first).
- `order_store` joins journal and book, and is the only writer of both.
- The broker: `ports` (the protocols) and `gateways` (Robinhood).
- Pure decisions: `calculator` (prices), `lifecycle` (legal changes of state), `reconciliation` (what a report means),
  `send_horizon` (how late bytes can arrive), `client_ids` (names of orders).
- Words: `models`, `outcomes`, `results`, `portfolio`, `events`, `event_details`, `exceptions`.
"""
