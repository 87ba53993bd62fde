"""What every stream of a process is served with."""

from dataclasses import dataclass

from gateway.accounts import AccountsService
from gateway.live.admission import Admission
from gateway.live.alert_feed import AlertFeed
from gateway.live.commands import UnwatchAlerts, UnwatchPortfolio, WatchAlerts, WatchPortfolio
from gateway.live.fan_out import FanOut
from gateway.live.hub import Hub
from gateway.live.origins import Origins
from gateway.live.portfolio_feed import PortfolioFeed
from gateway.live.session import Session
from gateway.metrics import Metrics
from gateway.settings import GatewaySettings


@dataclass(frozen=True, slots=True)
class Reception:
    """The parts of this process that streams use."""

    settings: GatewaySettings
    hub: Hub
    accounts: AccountsService
    admission: Admission
    origins: Origins
    fan_outs: dict[str, FanOut]
    """By subprotocol."""
    portfolios: PortfolioFeed
    alerts: AlertFeed
    metrics: Metrics

    async def obey(
        self, session: Session, command: WatchPortfolio | UnwatchPortfolio | WatchAlerts | UnwatchAlerts
    ) -> None:
        """Carry out a command about what belongs to the session's user."""
        if isinstance(command, WatchAlerts | UnwatchAlerts):
            await self.alerts.obey(session, command)
        else:
            await self.portfolios.obey(session, command)

    async def leave(self, session: Session) -> None:
        """Take a session off all of its user's that it watched."""
        await self.portfolios.leave(session)
        await self.alerts.leave(session)
