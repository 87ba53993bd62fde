// Live quotes: node subscriber.mjs nats://127.0.0.1:4222 XNAS.AAPL XNYS.BRK=2EB
import { decodeMulti } from "@msgpack/msgpack";
import { connect } from "@nats-io/transport-node";

const [address, ...instruments] = process.argv.slice(2);
const market = await connect({ servers: address });

function show(origin, instrument, data) {
  // 64-bit integers do not fit a number: times stay BigInt, a sequence is below 2^53 and may become one.
  const [state] = decodeMulti(data, { useBigInt64: true }); // a snapshot has 20 rows of depth behind the state
  const [, , , sequence, tsEvent, , bid, bidSize, ask, askSize, last] = state;
  const at = new Date(Number(tsEvent / 1_000_000n)).toISOString().slice(11, 19);
  const price = (value) => value.toFixed(2);
  const text = `${price(bid)} x ${bidSize}, ${price(ask)} x ${askSize}, ${price(last)}`;
  console.log(`${origin} ${instrument} ${at} ${Number(sequence)}: ${text}`);
}

for (const instrument of instruments) {
  const callback = (error, message) => show("quote", message.subject.slice("quote.".length), message.data);
  market.subscribe(`quote.${instrument}`, { callback }); // each message is the whole state: it replaces the one before
  const answer = await market.request(`snapshot.${instrument}`, "", { timeout: 1000 }); // the present value
  if (answer.data.length === 0) throw new Error(answer.headers.get("Nats-Service-Error"));
  show("snapshot", instrument, answer.data);
}
