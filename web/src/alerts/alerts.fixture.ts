import { alert } from "./rules";
import { firing } from "./firings";

/** As the server answers. */
export const ALERT_BODY = {
  id: "5f0d6d0e-0f3b-5b2a-9d3e-0c6f8c1f2b11",
  symbol: "XNAS:AAPL",
  name: "Apple Inc.",
  condition: "ABOVE",
  threshold: 230,
  reference: "prev_close",
  reference_price: null,
  repeat: "once",
  cooldown: 0,
  expires_at: null,
  note: "",
  notificationChannels: [],
  state: "armed",
  created_at: "2026-03-29T14:30:05.010Z",
  updated_at: "2026-03-29T14:30:05.010Z",
  last_fired_at: null,
  fired_count: 0,
  distance_percent: 0.8,
};

export const FIRING_BODY = {
  id: "f1",
  alert_id: ALERT_BODY.id,
  symbol: "XNAS:AAPL",
  condition: "ABOVE",
  threshold: 230,
  side: 1,
  price: 230.05,
  fired_at: "2026-03-29T14:30:05.010Z",
  outcome: "sent",
  note: "",
};

export const ALERT = alert(ALERT_BODY);
export const FIRING = firing(FIRING_BODY);
