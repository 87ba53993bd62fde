import { useEffect, useState } from "react";
import type { Session } from "../account/session";
import { Alerts } from "../alerts/alerts";
import { Toasts } from "../alerts/toasts";
import { BrandMark } from "../brand";
import { AcceptedOrders } from "../orders/accepted-orders";
import { Portfolios } from "../portfolio/portfolios";
import { SearchBox } from "../search/search-box";
import { useConnection } from "../stream/hooks";
import { ConnectionBadge } from "./connection-badge";
import { DeskContext } from "./desk-context";
import { Markets } from "./markets";
import { ModeLine } from "./mode-line";
import { NoticeBar } from "./notice-bar";
import { createDesk, openDesk } from "./open-desk";
import { type Place, usePlace } from "./place";
import { SectionLinks } from "./section-links";

interface DashboardProps {
  session: Session;
  email: string;
}

/** Give it a `key` of the user: a desk belongs to one login. */
export function Dashboard({ session, email }: DashboardProps) {
  const [desk] = useState(() => createDesk(session, email));
  useEffect(() => openDesk(desk), [desk]);
  return (
    <DeskContext value={desk}>
      <DashboardPage email={email} onLogout={() => session.logout()} />
    </DeskContext>
  );
}

function DashboardPage({ email, onLogout }: { email: string; onLogout: () => void }) {
  const { label } = useConnection();
  const place = usePlace();
  return (
    <div className="desk" data-connection={label}>
      <header className="bar">
        <BrandMark />
        <SectionLinks place={place} />
        {place.section === "markets" && <SearchBox />}
        <ConnectionBadge />
        <div className="account">
          <span className="account-email" title={email}>
            {email}
          </span>
          <button type="button" className="small" data-action="logout" onClick={onLogout}>
            Log out
          </button>
        </div>
      </header>
      <div className="notices">
        <NoticeBar />
        <ModeLine />
        <AcceptedOrders />
      </div>
      <Section place={place} />
      <Toasts />
    </div>
  );
}

function Section({ place }: { place: Place }) {
  switch (place.section) {
    case "markets":
      return <Markets />;
    case "portfolios":
      return <Portfolios open={place.portfolio} />;
    case "alerts":
      return <Alerts view={place.view} />;
  }
}
