"""All endpoints of sign-in over one world."""

from collections.abc import Callable

from simulator.accounts.choose import ChooseAccount
from simulator.accounts.information import TokenInformation
from simulator.accounts.tokens import TokenEndpoint
from simulator.identity import (
    Identity,
)
from simulator.world import World


class Accounts:
    """The endpoints of sign-in, over one world and its identity."""

    def __init__(self, world: World, identity: Identity, closed_because: Callable[[str], str]) -> None:
        self.choose = ChooseAccount(world, identity, closed_because)
        self.tokens = TokenEndpoint(world, identity, closed_because)
        self.information = TokenInformation(world, identity)
