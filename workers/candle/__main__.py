"""`python -m workers.candle`: the tape into candles."""

import os
import sys

from mesh import process
from mesh.settings import SettingsError, read_settings
from workers.candle.service import open_worker
from workers.candle.settings import CandleSettings


def main() -> None:
    """Read the settings, run the worker; a wrong setting ends with its error alone."""
    try:
        settings = read_settings(CandleSettings, os.environ)
    except SettingsError as error:
        sys.exit(f"candles: {error}")

    async def work() -> None:
        async with open_worker(settings) as service:
            await service.run()

    process.run(work(), settings.log_level)


if __name__ == "__main__":
    main()
