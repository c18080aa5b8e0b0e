"""What one call of the gateway reads with: whatever it asks for, one deadline ends it all."""

from dataclasses import dataclass
from typing import Self

from trading_bot.clock import Clock, Seconds
from trading_bot.robinhood.account_reads import AccountReads
from trading_bot.robinhood.directory import BrokerDirectory
from trading_bot.robinhood.reads import BrokerReads, Repeater
from trading_bot.robinhood.symbols import SymbolTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """The reads of one account, by the same deadline, if there is one; what is learned is shared by all copies."""

    reads: BrokerReads
    directory: BrokerDirectory
    account: AccountReads

    @classmethod
    def of(
        cls, reads: BrokerReads, clock: Clock, *, account_number: str | None, symbols: SymbolTable | None, asks: bool
    ) -> Self:
        """Build them on ``reads``; ``asks`` is whether names of instruments may be asked for."""
        directory = BrokerDirectory(
            reads=reads, clock=clock, account_number=account_number, asks_symbols=asks, symbols=symbols
        )
        return cls(
            reads=reads, directory=directory, account=AccountReads(reads=reads, directory=directory, clock=clock)
        )

    def by(self, deadline: Seconds) -> "Readers":
        """Return the same, all over by ``deadline``, a point on the clock."""
        reads = self.reads.by(deadline)
        directory = self.directory.reading(reads)
        return Readers(reads=reads, directory=directory, account=self.account.reading(reads, directory))

    def in_time(self) -> "Readers":
        """Return what a call that begins now reads with: where its caller set no deadline, one attempt's time is it."""
        return self if self.repeater.deadline is not None else self.by(self.repeater.deadline_from_now())

    @property
    def repeater(self) -> Repeater:
        """What sends each request."""
        return self.reads.repeater
