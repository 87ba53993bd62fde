"""What the channels of states have in common: the present value makes up for everything before it."""

from collections.abc import Mapping

import numpy as np

from gateway.live.channels.channel import Numbers, Positions


class StateChannel:
    """A channel whose entries are present values, and so begin from nowhere: every position is 0."""

    is_log = False

    async def catch_up(self, last_seen: Mapping[int, int]) -> None:
        """Wait for nothing: a value older than the one a client has is kept from it."""

    def snapshot_since(self, numbers: Numbers) -> Positions:
        """Give 0 for each: a snapshot is the present value."""
        return np.zeros(len(numbers), np.int64)

    def earliest(self, numbers: Numbers) -> Positions:
        """Give 0 for each: an entry is of one size, however long a client was away."""
        return np.zeros(len(numbers), np.int64)

    def resume_since(self, number: int, last_seen: int | str) -> int:
        """Give 0: what a client missed is in the present value."""
        return 0
