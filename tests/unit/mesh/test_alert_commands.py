"""Every command to an alert comes back from its bytes as it was."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from market.alerts.commands import Action, Command, Create, Delete, Edit, IfTrue, Never, Pause, Rearm, Resume
from market.alerts.rule import Condition, Reference, Repeat
from mesh.alerts.codec import decode_command, encode_command

ALERT, CHANNEL = UUID(int=1), UUID(int=2)
AT = datetime(2026, 3, 2, 15, 0, 0, 123456, UTC)


@pytest.mark.parametrize(
    "action",
    [
        Create("XNAS:A", 7, Condition.ABOVE, 230.0),
        Create(
            *("XNAS:A", 7, Condition.CHANGE_PCT, 2.5, Reference.CREATED, Repeat.DAILY, 60, AT, "n\u00f6te"),
            *((CHANNEL,), IfTrue.WAIT),
        ),
        Edit(ALERT),
        Edit(ALERT, 1.5, Repeat.EVERY_CROSS, 0, AT, "", (CHANNEL,), IfTrue.FIRE),
        Edit(ALERT, expires_at=Never.NEVER, channels=()),
        Pause(ALERT),
        Resume(ALERT),
        Rearm(ALERT, IfTrue.FIRE),
        Delete(ALERT),
    ],
)
def test_a_command_comes_back_as_it_was(action: Action) -> None:
    command = Command(UUID(int=3), UUID(int=4), AT, action, bytes(range(32)), "_INBOX.x.1")
    assert decode_command(encode_command(command)) == command
