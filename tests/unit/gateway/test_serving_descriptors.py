import resource

from gateway.serving import raise_limit


def test_as_many_as_the_system_grants() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    granted = raise_limit()
    assert granted >= before[1]
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == granted
