"""How an attempt can end, other than well."""


class Refused(Exception):  # noqa: N818  # says what is the case
    """Trying again does not help; with `breaks_channel` nothing else that goes there will arrive either."""

    def __init__(self, reason: str, *, breaks_channel: bool = True) -> None:
        super().__init__(reason)
        self.breaks_channel = breaks_channel


class Unavailable(Exception):  # noqa: N818  # says what is the case
    """Trying again may help, after `retry_after_s` at the earliest; `of_provider`: whoever else asks fares the same."""

    def __init__(self, reason: str, *, of_provider: bool = True, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.of_provider = of_provider
        self.retry_after_s = retry_after_s
