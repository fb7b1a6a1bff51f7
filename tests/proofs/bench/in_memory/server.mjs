// The reference B: the same signed question, the same rules, answered from memory and forgotten on restart.
// It is what the walkthrough's server was: fast, and nothing of it survives. Prints its port once it listens.
import { createHmac, timingSafeEqual } from "node:crypto";
import express from "express";

const [secret, count] = [process.env.BENCH_SECRET, Number(process.env.BENCH_CARDS)];
const RATES = { amex: 4, mastercard: 3, visa: 1, discover: 1 };
const cards = new Map();
for (let number = 0; number < count; number += 1) {
  const wallet = Object.keys(RATES).map((network, position) => ({ network, position, active: true, expires: 2090 }));
  const limits = { purchase: 1e12, day: 1e12, month: 1e12 };
  cards.set(`ic_bench_${number}`, { wallet, limits, spent: { day: 0, month: 0 }, status: "active" });
}
const answers = new Map();

function isGenuine(header, body) {
  const parts = new Map(header.split(",").map((part) => part.split("=", 2)));
  const expected = createHmac("sha256", secret).update(`${parts.get("t")}.`).update(body).digest();
  const given = Buffer.from(parts.get("v1") ?? "", "hex");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function decide(asked) {
  const card = cards.get(asked.card.id);
  const amount = asked.pending_request.amount;
  if (!card || card.status !== "active") return { approved: false, reason: "card_not_active" };
  const usable = card.wallet.filter((method) => method.active && method.expires >= 2026);
  const ranked = usable.sort((a, b) => RATES[b.network] - RATES[a.network] || a.position - b.position);
  if (!ranked.length) return { approved: false, reason: "no_funding_card" };
  const { limits, spent } = card;
  if (amount > limits.purchase || spent.day + amount > limits.day || spent.month + amount > limits.month) {
    return { approved: false, reason: "limit_exceeded" };
  }
  spent.day += amount;
  spent.month += amount;
  return { approved: true, method: ranked[0].network };
}

const app = express();
app.disable("x-powered-by");
app.post("/stripe-webhook", express.raw({ type: "*/*", limit: "1mb" }), (request, response) => {
  if (!isGenuine(request.headers["stripe-signature"] ?? "", request.body)) {
    response.status(400).json({ error: "The signature does not match." });
    return;
  }
  const event = JSON.parse(request.body);
  let answer = answers.get(event.id);
  if (!answer) {
    const { approved, reason = "" } = decide(event.data.object);
    answer = { approved, metadata: { reason } };
    answers.set(event.id, answer);
  }
  response.json(answer);
});
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
