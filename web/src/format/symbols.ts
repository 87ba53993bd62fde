/** "XNAS:AAPL" -> venue "XNAS", ticker "AAPL". Without a venue the whole text is the ticker. */
export function splitSymbol(symbol: string): { venue: string; ticker: string } {
  const colon = symbol.indexOf(":");
  return { venue: symbol.slice(0, Math.max(0, colon)), ticker: symbol.slice(colon + 1) };
}
