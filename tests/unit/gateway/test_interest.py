from gateway.interest import Interest


def test_the_first_watcher_subscribes_and_the_others_share() -> None:
    interest = Interest(5)
    assert interest.add([1, 2]) == [1, 2]
    assert interest.add([2, 3]) == [3]
    assert len(interest) == 3


def test_what_is_still_watched_does_not_linger() -> None:
    interest = Interest(5)
    interest.add([1])
    interest.add([1])
    interest.remove([1], now_s=0)
    assert interest.expired(1e9) == []
    assert len(interest) == 1


def test_what_nobody_watches_lingers_and_then_goes_once() -> None:
    interest = Interest(5)
    interest.add([1, 2])
    interest.remove([1], now_s=10)
    interest.remove([2], now_s=11)
    assert interest.expired(14.999) == []
    assert interest.expired(15) == [1]
    assert interest.expired(100) == [2]
    assert interest.expired(100) == []
    assert len(interest) == 0


def test_watching_again_while_it_lingers_needs_no_new_subscription() -> None:
    interest = Interest(5)
    interest.add([1])
    interest.remove([1], now_s=0)
    assert interest.add([1]) == []
    assert interest.expired(1e9) == []


def test_lingering_begins_anew_with_every_last_watcher() -> None:
    interest = Interest(5)
    interest.add([1, 2])
    interest.remove([1, 2], now_s=0)
    interest.add([1])
    interest.remove([1], now_s=4)
    assert interest.expired(5) == [2]
    assert interest.expired(8.9) == []
    assert interest.expired(9) == [1]


def test_without_linger_it_goes_with_the_next_sweep() -> None:
    interest = Interest(0)
    interest.add([1])
    interest.remove([1], now_s=3)
    assert interest.expired(3) == [1]
    assert interest.add([1]) == [1]
