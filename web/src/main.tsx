import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { exclusiveByLock } from "./account/exclusive";
import { SAVED_LOGIN_KEY } from "./account/saved-login";
import { Session } from "./account/session";
import { authApi } from "./api/auth";
import { App } from "./app";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/login.css";
import "./styles/desk.css";
import "./styles/search.css";
import "./styles/watchlist.css";
import "./styles/watchlist-narrow.css";
import "./styles/detail.css";
import "./styles/trades.css";
import "./styles/chart.css";
import "./styles/portfolio.css";
import "./styles/holdings.css";
import "./styles/portfolio-parts.css";
import "./styles/alerts.css";
import "./styles/alert-parts.css";
import "./styles/channels.css";
import "./styles/dialog.css";

const session = new Session({
  api: authApi(window.location.origin),
  store: localStorage,
  exclusively: exclusiveByLock(SAVED_LOGIN_KEY),
  nowMs: () => Date.now(),
});

// Other tabs share the login: follow them when they log in or out.
window.addEventListener("storage", ({ key }) => {
  if (key === SAVED_LOGIN_KEY || key === null) session.followStore();
});

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root element.");
createRoot(root).render(
  <StrictMode>
    <App session={session} />
  </StrictMode>,
);
