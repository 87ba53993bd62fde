import { describe, expect, it } from "vitest";
import {
  CLOSE_UNAUTHENTICATED,
  CONNECT_TIMEOUT_MS,
  type ConnectionEvent,
  PROBE_MS,
  SILENCE_MS,
  STABLE_MS,
  STOPPED,
} from "./connection";
import { GOING_AWAY, Life, OPEN, WELCOME, live } from "./connection.fixture";
import { viewOf } from "./connection-view";

const OPEN_RENEWED = { type: "open", renewToken: true };
const DROP = { type: "drop" };

const reconnected = () =>
  live()
    .at(10_000, { type: "closed", code: GOING_AWAY })
    .at(11_000, { type: "timer" })
    .at(11_100, { type: "closed", code: GOING_AWAY })
    .at(20_000, { type: "timer" })
    .at(20_100, WELCOME);

describe("starting", () => {
  it("opens a socket and says connecting", () => {
    const life = new Life().at(0, { type: "start" });
    expect(life.effects).toEqual([OPEN]);
    expect(life.label).toBe("connecting");
  });

  it("resumes at the welcome and is live", () => {
    const life = live();
    expect(life.effects).toEqual([{ type: "resume", epoch: "e1" }]);
    expect(life.label).toBe("live");
  });

  it("is not started twice", () => {
    expect(live().at(200, { type: "start" }).effects).toEqual([]);
  });

  it("gives up a socket that brings no welcome in time", () => {
    const life = new Life().at(0, { type: "start" });
    expect(life.at(CONNECT_TIMEOUT_MS - 1, { type: "timer" }).label).toBe("connecting");
    expect(life.at(CONNECT_TIMEOUT_MS, { type: "timer" }).effects).toEqual([DROP]);
    expect(life.state.phase).toBe("waiting");
  });

  it("waits when no token can be had, and asks for the same kind again", () => {
    const life = live().at(9_000, { type: "closed", code: CLOSE_UNAUTHENTICATED }).at(9_100, { type: "no-token" });
    expect(life.label).toBe("reconnecting");
    expect(life.at(life.deadlineMs, { type: "timer" }).effects).toEqual([OPEN_RENEWED]);
  });
});

describe("losing the connection", () => {
  it("waits with jitter, then tries again", () => {
    const life = live().at(10_000, { type: "closed", code: GOING_AWAY }, 0.8);
    expect(life.state).toEqual({ phase: "waiting", attempt: 1, deadlineMs: 10_400, renewToken: false, told: false });
    expect(viewOf(life.state)).toEqual({ label: "reconnecting", retryAtMs: 10_400 });
    expect(life.at(10_399, { type: "timer" }).effects).toEqual([]);
    expect(life.at(10_400, { type: "timer" }).effects).toEqual([OPEN]);
    expect(life.label).toBe("reconnecting");
  });

  it("doubles the ceiling with every failure, up to 30 s", () => {
    const life = live().at(10_000, { type: "closed", code: GOING_AWAY }, 0.999);
    const delays: number[] = [];
    for (let failure = 0; failure < 9; failure += 1) {
      const nowMs = life.deadlineMs;
      life.at(nowMs, { type: "timer" }).at(nowMs, { type: "closed", code: 1006 }, 0.999);
      delays.push(Math.round((life.deadlineMs - nowMs) / 100) / 10);
    }
    expect(delays).toEqual([1, 2, 4, 8, 16, 30, 30, 30, 30]);
  });

  it("starts the backoff afresh only after a connection that lasted", () => {
    const brief = reconnected().at(20_100 + STABLE_MS - 1, { type: "closed", code: GOING_AWAY });
    const lasting = reconnected().at(20_100 + STABLE_MS, { type: "closed", code: GOING_AWAY });
    expect(brief.state).toMatchObject({ attempt: 3 });
    expect(lasting.state).toMatchObject({ attempt: 1 });
  });

  it.each(["wake", "retry"] as const)("tries at once on %s", (type) => {
    const life = live().at(10_000, { type: "closed", code: GOING_AWAY }).at(10_001, { type });
    expect(life.effects).toEqual([OPEN]);
  });
});

describe("silence", () => {
  it("replaces a socket that has been silent for 25 s", () => {
    const life = live();
    life.at(20_000, { type: "heard" });
    expect(life.at(100 + SILENCE_MS, { type: "timer" }).label).toBe("live");
    expect(life.at(20_000 + SILENCE_MS, { type: "timer" }).effects).toEqual([DROP, OPEN]);
    expect(life.label).toBe("reconnecting");
  });

  it("probes after waking, and allows little time for the answer", () => {
    const life = live().at(12_000, { type: "wake" });
    expect(life.effects).toEqual([{ type: "ping" }]);
    expect(life.at(12_000 + PROBE_MS, { type: "timer" }).effects).toEqual([DROP, OPEN]);
  });

  it("stays live when the probe is answered", () => {
    const life = live().at(12_000, { type: "wake" }).at(12_050, { type: "heard" });
    expect(life.at(12_000 + PROBE_MS, { type: "timer" }).label).toBe("live");
  });

  it("does not probe a socket that spoke just now", () => {
    expect(live().at(1_000, { type: "wake" }).effects).toEqual([]);
  });
});

describe("tokens", () => {
  it("renews at once when a live connection is refused", () => {
    const life = live().at(9_000, { type: "closed", code: CLOSE_UNAUTHENTICATED });
    expect(life.effects).toEqual([OPEN_RENEWED]);
  });

  it("renews at once when the first token is stale", () => {
    const life = new Life().at(0, { type: "start" }).at(50, { type: "closed", code: CLOSE_UNAUTHENTICATED });
    expect(life.effects).toEqual([OPEN_RENEWED]);
  });

  it("waits before renewing a second time in a row", () => {
    const life = live()
      .at(9_000, { type: "closed", code: CLOSE_UNAUTHENTICATED })
      .at(9_100, { type: "closed", code: CLOSE_UNAUTHENTICATED });
    expect(life.effects).toEqual([]);
    expect(life.state).toMatchObject({ phase: "waiting", renewToken: true });
  });

  it("asks for no new token when a fresh one met a closed door", () => {
    const life = live()
      .at(9_000, { type: "closed", code: CLOSE_UNAUTHENTICATED })
      .at(9_100, { type: "closed", code: 1006 });
    expect(life.at(life.deadlineMs, { type: "timer" }).effects).toEqual([OPEN]);
  });
});

describe("the market behind the server", () => {
  it("is said apart from our own connection", () => {
    const life = live().at(500, { type: "upstream", upstream: "reconnecting" });
    expect(life.label).toBe("upstream-reconnecting");
    expect(life.at(900, { type: "upstream", upstream: "live" }).label).toBe("live");
  });

  it("counts as live again on a new connection", () => {
    const life = live()
      .at(500, { type: "upstream", upstream: "reconnecting" })
      .at(9_000, { type: "closed", code: GOING_AWAY })
      .at(9_001, { type: "retry" })
      .at(9_100, WELCOME);
    expect(life.label).toBe("live");
  });
});

describe("stopping", () => {
  it.each([
    ["connecting", new Life().at(0, { type: "start" })],
    ["live", live()],
    ["waiting", live().at(9_000, { type: "closed", code: GOING_AWAY })],
  ])("drops the socket while %s", (_, life) => {
    expect(life.at(9_500, { type: "stop" }).effects).toEqual([DROP]);
    expect(life.label).toBe("offline");
  });

  it.each<ConnectionEvent>([
    { type: "stop" },
    { type: "wake" },
    { type: "retry" },
    { type: "timer" },
    WELCOME,
    { type: "closed", code: GOING_AWAY },
  ])("ignores $type when stopped", (event) => {
    const life = new Life().at(0, event);
    expect(life.state).toBe(STOPPED);
    expect(life.effects).toEqual([]);
  });
});

describe("stray events", () => {
  it.each<ConnectionEvent>([WELCOME, { type: "retry" }, { type: "no-token" }, { type: "start" }])(
    "leave a live connection alone: $type",
    (event) => expect(live().at(200, event).effects).toEqual([]),
  );

  it.each<ConnectionEvent>([{ type: "heard" }, WELCOME, { type: "closed", code: 1006 }])(
    "leave a waiting one alone: $type",
    (event) => {
      const life = live().at(9_000, { type: "closed", code: GOING_AWAY });
      const before = life.state;
      expect(life.at(9_001, event).state).toBe(before);
    },
  );
});
