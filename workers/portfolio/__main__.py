"""`python -m workers.portfolio`: commands to portfolios into the ledger's tables."""

import os
import sys

from mesh import process
from mesh.settings import SettingsError, read_settings
from workers.portfolio.service import open_worker
from workers.portfolio.settings import PortfolioSettings


def main() -> None:
    """Read the settings, run the worker; a wrong setting ends with its error alone."""
    try:
        settings = read_settings(PortfolioSettings, os.environ)
    except SettingsError as error:
        sys.exit(f"portfolios: {error}")

    async def work() -> None:
        async with open_worker(settings) as service:
            await service.run()

    process.run(work(), settings.log_level)


if __name__ == "__main__":
    main()
