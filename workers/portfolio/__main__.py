"""`python -m workers.portfolio`: commands to portfolios into the ledger's tables."""

from mesh import process
from workers.portfolio.service import open_worker
from workers.portfolio.settings import PortfolioSettings

if __name__ == "__main__":
    process.run_worker("portfolios", PortfolioSettings, open_worker)
