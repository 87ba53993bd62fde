"""`python -m workers.feed`: one feed, from its source to both lanes."""

import os
import sys

from mesh import process
from mesh.settings import SettingsError, read_settings
from workers.feed.adapter import SpecError
from workers.feed.adapters import open_adapter
from workers.feed.service import open_feed
from workers.feed.settings import FeedSettings


def main() -> None:
    """Read the settings, run the feed; a wrong setting ends with its error alone."""
    try:
        settings = read_settings(FeedSettings, os.environ)
        adapter = open_adapter(settings.feed)
    except (SettingsError, SpecError) as error:
        sys.exit(f"feed: {error}")

    async def work() -> None:
        async with process.opened(lambda: open_feed(settings, adapter)) as service:
            await service.run()

    process.run(work(), settings.log_level)


if __name__ == "__main__":
    main()
