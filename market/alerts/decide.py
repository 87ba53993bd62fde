"""What a command or a touch makes of a rule: a function of both and of what was before, of no more.

A worker calls `decide` for each command and `touch` for each touch of the index, in order, in the transaction that
writes what comes of them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from market.alerts.alert import Alert, Firing
from market.alerts.answers import alert_body, has_expired
from market.alerts.commands import (
    MAX_ALERTS,
    Command,
    Create,
    Edit,
    IfTrue,
    Never,
    Pause,
    Rearm,
    Resume,
)
from market.alerts.fields import check_channels, check_cooldown, check_expires_at, check_note, check_threshold
from market.alerts.rule import Condition, Reference, State
from market.alerts.touch import Terms, fired
from market.answer import Answer
from market.refusal import Refused

NO_ROW = -1  # of a firing that no tick brought about


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when a command is decided.

    `number` is what a new rule is called in the index, `since` the tape sequence up to which ticks were evaluated.
    `price`, `prev_close` (None: not known) and `day` (0: none yet) are the instrument's. `active` counts the user's
    alerts that are, `sent` those firings of the last hour that channels were told of, `channels` are the verified ones.
    """

    partition: int
    number: int
    since: int
    price: float | None
    prev_close: float | None
    day: int
    active: int
    sent: int
    channels: Collection[UUID]
    now: datetime
    max_alerts: int = MAX_ALERTS


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a command, and what to write before it is given; None where nothing changes."""

    answer: Answer
    alert: Alert | None = None
    firing: Firing | None = None


def decide(command: Command, alert: Alert | None, facts: Facts) -> Decision:
    """Decide a command; `alert` is the row of the rule that it names, None where there is none."""
    try:
        return _decide(command, alert, facts)
    except Refused as refused:
        return Decision(Answer(refused.status, refused.body()))


def _decide(command: Command, alert: Alert | None, facts: Facts) -> Decision:
    action = command.action
    if isinstance(action, Create):
        return _create(action, command, facts)
    if alert is None or alert.state is State.DELETED or alert.user != command.user:
        raise Refused("unknown_alert", "there is no such alert", 404)
    match action:
        case Edit():
            return _edit(action, command, alert, facts)
        case Pause():
            return _pause(command, alert)
        case Resume():
            return _resume(command, alert, facts)
        case Rearm():
            return _armed(alert, action.if_true, command, facts)
        case _:
            return Decision(Answer(204, {}), alert._replace(state=State.DELETED, updated_at=command.received_at))


def _create(action: Create, command: Command, facts: Facts) -> Decision:
    check_threshold(action.condition, action.threshold)
    check_cooldown(action.cooldown_s)
    check_note(action.note)
    check_channels(action.channels, facts.channels)
    if action.expires_at is not None:
        check_expires_at(action.expires_at, command.received_at)
    is_move = action.condition is Condition.CHANGE_PCT
    is_from_now = is_move and action.reference is Reference.CREATED
    if is_from_now and facts.price is None:
        raise Refused("no_price", f"{action.symbol} has no price to measure a move from", 409, "reference")
    alert = Alert(
        id=uuid5(command.id, "alert"),
        number=facts.number,
        user=command.user,
        partition=facts.partition,
        instrument=action.instrument,
        symbol=action.symbol,
        condition=action.condition,
        threshold=float(action.threshold),
        reference=action.reference if is_move else Reference.CREATED,
        reference_price=(facts.price or 0.0) if is_from_now else 0.0,
        repeat=action.repeat,
        state=State.FIRED,
        waiting_side=0,
        since=facts.since,
        fired_day=0,
        cooldown_s=action.cooldown_s,
        expires_at=action.expires_at,
        note=action.note,
        channels=action.channels,
        created_at=command.received_at,
        updated_at=command.received_at,
        last_fired_at=None,
        fired_count=0,
    )
    return _armed(alert, action.if_true, command, facts, 201)


def _edit(action: Edit, command: Command, alert: Alert, facts: Facts) -> Decision:
    changed = _changed(action, command, alert, facts)
    is_renewed = has_expired(alert, command.received_at) and changed.expires_at != alert.expires_at
    is_armed_anew = alert.state is not State.PAUSED and (is_renewed or changed.threshold != alert.threshold)
    if is_renewed:
        changed = changed._replace(state=State.EXPIRED)  # no tick may have said so, and it is not active
    if is_armed_anew:
        return _armed(changed, action.if_true, command, facts)
    return Decision(Answer(200, alert_body(changed, command.received_at)), changed)


def _changed(action: Edit, command: Command, alert: Alert, facts: Facts) -> Alert:
    """Give the rule with the fields that an edit names, checked."""
    if action.threshold is not None:
        check_threshold(alert.condition, action.threshold)
        alert = alert._replace(threshold=float(action.threshold))
    if action.repeat is not None:
        alert = alert._replace(repeat=action.repeat)
    if action.cooldown_s is not None:
        check_cooldown(action.cooldown_s)
        alert = alert._replace(cooldown_s=action.cooldown_s)
    if isinstance(action.expires_at, Never):
        alert = alert._replace(expires_at=None)
    elif action.expires_at is not None:
        check_expires_at(action.expires_at, command.received_at)
        alert = alert._replace(expires_at=action.expires_at)
    if action.note is not None:
        check_note(action.note)
        alert = alert._replace(note=action.note)
    if action.channels is not None:
        check_channels(action.channels, {*facts.channels, *alert.channels})  # it may keep one that broke or was removed
        alert = alert._replace(channels=action.channels)
    return alert._replace(updated_at=command.received_at)


def _pause(command: Command, alert: Alert) -> Decision:
    if has_expired(alert, command.received_at) or not alert.state.is_live:
        raise Refused("not_active", f"the alert is {_shown(alert, command)}; there is nothing to pause", 409)
    paused = alert._replace(state=State.PAUSED, waiting_side=0, fired_day=0, updated_at=command.received_at)
    return Decision(Answer(200, alert_body(paused, command.received_at)), paused)


def _resume(command: Command, alert: Alert, facts: Facts) -> Decision:
    if alert.state is not State.PAUSED:
        raise Refused("not_paused", f"the alert is {_shown(alert, command)}, not paused", 409)
    return _armed(alert, IfTrue.WAIT, command, facts)


def _shown(alert: Alert, command: Command) -> str:
    return str(alert_body(alert, command.received_at)["state"])


def _armed(alert: Alert, if_true: IfTrue, command: Command, facts: Facts, status: int = 200) -> Decision:
    """Arm a rule from now on, or do what was asked for where it is true already."""
    at = command.received_at
    if alert.expires_at is not None and alert.expires_at <= at:
        raise Refused("expired", "the alert has expired; give it another expires_at", 409, "expires_at")
    if not alert.state.is_active and facts.active >= facts.max_alerts:
        detail = f"{facts.active} alerts are active; the limit is {facts.max_alerts}"
        raise Refused("too_many_alerts", detail, 409, maximum=facts.max_alerts)
    alert = alert._replace(state=State.ARMED, waiting_side=0, fired_day=0, since=facts.since, updated_at=at)
    already_true, side = None, 0
    if facts.price is not None and (facts.prev_close is not None or not alert.rule.is_relative):
        side = alert.rule.touched_side(facts.price, facts.prev_close)
        already_true = bool(side)
    firing = None
    if side and facts.price is not None:
        if if_true is IfTrue.REFUSE:
            detail = f"{alert.symbol} is at {facts.price!r}: the alert is true already"
            raise Refused("already_true", detail, 409, price=facts.price)
        if if_true is IfTrue.WAIT:
            alert = alert._replace(state=State.WAITING, waiting_side=side)
        else:
            alert, firing = _fired(alert, command, facts, side, facts.price)
    return Decision(Answer(status, {**alert_body(alert, at), "already_true": already_true}), alert, firing)


def _fired(alert: Alert, command: Command, facts: Facts, side: int, price: float) -> tuple[Alert, Firing]:
    """Let a rule fire that is true as it is armed."""
    at = command.received_at
    terms = Terms(alert.repeat, alert.cooldown_s, alert.expires_at)
    standing, outcome = fired(terms, alert.standing, side, at, facts.day, facts.sent)
    firing = Firing(
        id=uuid5(alert.id, f"command:{command.id}"),
        alert_id=alert.id,
        user=alert.user,
        symbol=alert.symbol,
        condition=alert.condition,
        threshold=alert.threshold,
        price=price,
        fired_at=at,
        side=side,
        tape_sequence=facts.since,
        row=NO_ROW,
        outcome=outcome,
        note=alert.note,
        recorded_at=facts.now,
    )
    return alert._replace(**standing._asdict()), firing
