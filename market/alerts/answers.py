"""What clients are told of rules: the members of JSON documents."""

from datetime import datetime

from market.alerts.alert import Alert, Firing
from market.alerts.rule import State
from market.ledger.times import time_text


def alert_body(alert: Alert, now: datetime) -> dict[str, object]:
    """Describe a rule; `now` tells whether it has expired."""
    return {
        "id": str(alert.id),
        "symbol": alert.symbol,
        "condition": str(alert.condition),
        "threshold": alert.threshold,
        "reference": str(alert.reference),
        "reference_price": alert.reference_price or None,
        "repeat": str(alert.repeat),
        "cooldown": alert.cooldown_s,
        "expires_at": _text(alert.expires_at),
        "note": alert.note,
        "notificationChannels": [str(each) for each in alert.channels],
        "state": str(shown_state(alert, now)),
        "created_at": time_text(alert.created_at),
        "updated_at": time_text(alert.updated_at),
        "last_fired_at": _text(alert.last_fired_at),
        "fired_count": alert.fired_count,
    }


def firing_body(firing: Firing) -> dict[str, object]:
    """Describe what an alert fired, but for its user and whether it was seen."""
    return {
        "id": str(firing.id),
        "alert_id": str(firing.alert_id),
        "symbol": firing.symbol,
        "condition": str(firing.condition),
        "threshold": firing.threshold,
        "side": firing.side,
        "price": firing.price,
        "fired_at": time_text(firing.fired_at),
        "outcome": str(firing.outcome),
        "note": firing.note,
    }


def shown_state(alert: Alert, now: datetime) -> State:
    """Give the state that a user sees: one that is dormant waits too, for a day."""
    if has_expired(alert, now):
        return State.EXPIRED
    return State.WAITING if alert.state is State.DORMANT else alert.state


def has_expired(alert: Alert, now: datetime) -> bool:
    """Tell whether a rule's time is over, be it that no tick has met it since."""
    is_over = alert.expires_at is not None and alert.expires_at <= now
    return alert.state is State.EXPIRED or (alert.state.is_live and is_over)


def _text(at: datetime | None) -> str | None:
    return None if at is None else time_text(at)
