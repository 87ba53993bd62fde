"""Names of providers. Pure."""

from urllib.parse import urlsplit


def host_of(url: str) -> str:
    """Name the host and port of a URL; what is no URL stands for itself."""
    try:
        return urlsplit(url).netloc.lower() or url
    except ValueError:
        return url
