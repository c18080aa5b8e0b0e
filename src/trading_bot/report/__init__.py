"""What was done in a period, in figures: the page and the summary of ``trading-bot report``.

The journal is the truth: every figure is computed from its records, read without bot or lease. Two further sources fill
in what a journal does not say, and each figure that rests on them says so: the trade log, for trades that a rule of
ours refused before there was an order; and recorded quotes, for what the market did meanwhile.

1. Figures are pure functions of their sources, in `Decimal`. The same sources give the same figures.
2. What is not known is None, counted as unknown and said. It is never zero and never left out of a count in silence.
3. Each figure is defined in the docstring of the module that computes it; ``docs/report.md`` says the same to readers.
4. The page needs no network when it is looked at. Text from outside (symbols, strategies, reasons) is shown as text,
   whatever is in it, and the page's own policy forbids scripts other than its own.

Not computed: fees, which the journal does not know of every order, and what an order that a rule refused would have
brought.
"""
