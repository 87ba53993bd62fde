import { describe, expect, it } from "vitest";
import { countedValue } from "./allocation";
import { type LivePortfolio, applyPortfolio, merge, unheard, withoutNumber } from "./live-portfolio";
import { minorUnits } from "./money";
import { PORTFOLIO, holding, valued } from "./portfolio.fixture";
import type { Holding, Valuation, ValuationChange } from "./valuation";

const AAPL = holding("XNAS:AAPL");
const MSFT = holding("XNAS:MSFT");
const JPM = holding("XNYS:JPM");

function change(holdings: readonly Holding[], removed: readonly string[] = []): ValuationChange {
  return { ...valued(holdings), removed };
}

const whole = (number: number, holdings: readonly Holding[]) =>
  ({ type: "portfolio", number, valuation: valued(holdings) }) as const;
const update = (number: number, holdings: readonly Holding[], removed: readonly string[] = []) =>
  ({ type: "portfolio_update", number, change: change(holdings, removed) }) as const;

function heard(...messages: Parameters<typeof applyPortfolio>[1][]): LivePortfolio {
  return messages.reduce(applyPortfolio, unheard(PORTFOLIO));
}

function symbols({ valuation }: LivePortfolio): string[] | undefined {
  return valuation?.holdings.map((row) => row.symbol);
}

describe("a watched portfolio", () => {
  it("begins with the whole", () => {
    expect(heard(update(1, [AAPL]))).toEqual(unheard(PORTFOLIO));
    expect(heard(whole(7, [AAPL])).valuation?.holdings).toEqual([AAPL]);
  });

  it("has its rows by symbol, whatever comes and goes", () => {
    const held = heard(whole(7, [AAPL, JPM]), update(8, [MSFT], ["XNAS:AAPL"]), update(9, [AAPL]));
    expect(symbols(held)).toEqual(["XNAS:AAPL", "XNAS:MSFT", "XNYS:JPM"]);
  });

  it("keeps the identity of rows that did not change", () => {
    const held = heard(whole(7, [AAPL, JPM]), update(8, [{ ...JPM, price: 23 }]));
    expect(held.valuation?.holdings[0]).toBe(AAPL);
    expect(held.valuation?.holdings[1]?.price).toBe(23);
  });

  it("takes nothing after a gap until the whole comes again", () => {
    const gap = heard(whole(7, [AAPL]), update(9, [MSFT]));
    expect(gap.number).toBeNull();
    expect(symbols(applyPortfolio(gap, update(10, [MSFT])))).toEqual(["XNAS:AAPL"]);
    expect(symbols(applyPortfolio(gap, whole(3, [MSFT])))).toEqual(["XNAS:MSFT"]);
  });

  it("stays to be seen while the stream is away, and then begins with the whole", () => {
    const away = withoutNumber(heard(whole(7, [AAPL])));
    expect(symbols(applyPortfolio(away, update(8, [MSFT])))).toEqual(["XNAS:AAPL"]);
  });

  it("is not another one", () => {
    const other = { type: "portfolio", number: 1, valuation: { ...valued([JPM]), id: "another" } } as const;
    const held = heard(whole(7, [AAPL]));
    expect(applyPortfolio(held, other)).toBe(held);
    const otherUpdate = { type: "portfolio_update", number: 8, change: { ...change([JPM]), id: "another" } } as const;
    expect(applyPortfolio(held, otherUpdate)).toBe(held);
  });
});

/** A server's figures in whole cents: what it sends is made of these, and what is shown must add up to them. */
class Server {
  private readonly values = new Map<string, bigint>();
  private readonly costs = new Map<string, bigint>();

  constructor(private readonly random: () => number) {}

  whole(): Valuation {
    return this.valued([...this.values.keys()].toSorted());
  }

  /** Trade, and say what changed. */
  next(): ValuationChange {
    const symbol = `XNAS:${String.fromCharCode(65 + Math.floor(this.random() * 12))}`;
    if (this.values.has(symbol) && this.random() < 0.3) {
      this.values.delete(symbol);
      return { ...this.valued([]), removed: [symbol] };
    }
    this.values.set(symbol, this.cents());
    this.costs.set(symbol, this.cents());
    return { ...this.valued([symbol]), removed: [] };
  }

  private valued(told: readonly string[]): Valuation {
    const held = [...this.values.keys()];
    const value = sum(held.map((symbol) => this.values.get(symbol) ?? 0n));
    const cost = sum(held.map((symbol) => this.costs.get(symbol) ?? 0n));
    const rows = told.map((symbol) => {
      const [worth = 0n, paid = 0n] = [this.values.get(symbol), this.costs.get(symbol)];
      return holding(symbol, { marketValue: text(worth), cost: text(paid), unrealized: text(worth - paid) });
    });
    return valued(rows, { marketValue: text(value), costBasis: text(cost), unrealized: text(value - cost) });
  }

  /** Up to 90 billion, with cents that a sum of floats would lose. */
  private cents(): bigint {
    return BigInt(Math.floor(this.random() * 2 ** 43));
  }
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n);
}

function text(cents: bigint): string {
  const digits = String(cents < 0n ? -cents : cents).padStart(3, "0");
  return `${cents < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** Mulberry32: the same numbers with every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

it.each([1, 2, 3, 4, 5])("adds up to the cent after every change (seed %d)", (seed) => {
  const server = new Server(seeded(seed));
  let shown = server.whole();
  for (let round = 0; round < 400; round += 1) {
    shown = merge(shown, server.next());
    expect(sum(shown.holdings.map(countedValue))).toBe(minorUnits(shown.marketValue));
    expect(sum(shown.holdings.map((row) => minorUnits(row.cost)))).toBe(minorUnits(shown.costBasis));
    expect(sum(shown.holdings.map((row) => minorUnits(row.unrealized ?? "")))).toBe(minorUnits(shown.unrealized));
  }
  expect(shown.holdings).toEqual(server.whole().holdings);
});
