/**
 * From nothing to a card screen, and then a purchase: the requests of docs/frontend-guide.md.
 *
 *     npm run guide -- http://127.0.0.1:8000
 *
 * It prints each request and what it sees. Where somebody else has to act, it says what, and waits for Enter.
 */

import { createInterface } from 'node:readline';

import { app, nextStep, OneCard, type Money, type RankedCard } from '../src/onecard.js';

const [baseUrl = 'http://127.0.0.1:8000', email = `ada-${Date.now()}@example.com`] = process.argv.slice(2);
const input = createInterface({ input: process.stdin });
const lines = input[Symbol.asyncIterator]();

const ada = new OneCard({ baseUrl, fetch: printed });

await join();
await verify();
await addFundingCard('citi-double-cash');
await addFundingCard('discover-it-cash-back');
const card = await getCard();
await seePurchase();
await freeze();
await seeDecline();
input.close();

/** Signs up, and proves the address with the code from the mail. */
async function join(): Promise<void> {
  const step = await nextStep(ada.authSignUp({ path: app, body: { email, password: 'three blue tea cups' } }));
  say(`The next step is ${step}.`);
  const key = await ask(`Type the code from the mail to ${email}`);
  await ada.authVerifyEmail({ path: app, body: { key } });
}

/** Gives the profile, accepts the card's terms, and has the identity checked. */
async function verify(): Promise<void> {
  const { data: profile } = await ada.profileUpdate({
    body: {
      first_name: 'Ada',
      last_name: 'Lovelace',
      birth_date: '1990-12-10',
      phone: '+14155550100',
      address: { line1: '510 Townsend Street', city: 'San Francisco', state: 'CA', postal_code: '94103', country: 'US' },
      time_zone: 'America/Los_Angeles',
      preference: 'cash',
    },
  });
  say(`Still missing: ${profile.missing.join(', ')}.`);
  await ada.profileTerms({ body: { version: profile.terms.required_version } });
  const { data: kyc } = await ada.kycSubmit({});
  say(kyc.sentence);
  await ask(`Approve the identity check of ${email} in the back office`);
  await until(async () => (await ada.kyc()).data.status === 'verified');
}

/** Saves a card of the person's own; its number goes from the processor's form to the processor, and never here. */
async function addFundingCard(product: string): Promise<void> {
  const { data: setup } = await ada.fundingCardSetupsCreate({});
  await ask(`Confirm ${setup.setup} in the processor's form, with a card for ${product}`);
  const { data: saved } = await ada.fundingCardsCreate({ body: { setup: setup.setup, product } });
  say(`${saved.nickname} •••• ${saved.last_four}, ${saved.network}${saved.is_backup ? ', the backup card' : ''}`);
}

/** Asks for the virtual card, activates it, and shows it. */
async function getCard() {
  const { data: ordered } = await ada.cardsCreate({ body: {} });
  const path = { public_id: ordered.id };
  await until(async () => (await ada.cardsRead({ path })).data.is_made);
  const { data: made } = await ada.cardsActivate({ path });
  say(`${made.network} •••• ${made.last_four}, ${made.expiry_month}/${made.expiry_year}: ${made.status_text}`);
  return made;
}

/** Shows what was bought, which card paid, and why. */
async function seePurchase(): Promise<void> {
  await ask(`Buy something with the card •••• ${card.last_four}`);
  const bought = await until(async () => (await ada.purchasesList()).data.results[0]);
  const path = { purchase_id: bought.id };
  const seen = await until(async () => {
    const { data } = await ada.purchasesRead({ path });
    return data.paid_with.some((each) => each.status === 'succeeded') && data;
  });
  say(`${seen.status}: ${money(seen.amount)} at ${seen.merchant.name}`);
  for (const each of seen.paid_with) say(`${each.name} •••• ${each.last_four} paid ${money(each.amount)}`);
  say(`Why: ${seen.explanation?.sentence}`);
  seen.explanation?.cards.forEach(sayRanked);
}

function sayRanked(each: RankedCard): void {
  say(`${each.is_chosen ? '>' : ' '} ${each.name} •••• ${each.last_four}: ${each.effective_reward ?? each.left_out}`);
}

async function freeze(): Promise<void> {
  const path = { public_id: card.id };
  await ada.cardsFreeze({ path, body: { reason: 'I cannot find it.' } });
  const frozen = await until(async () => {
    const { data } = await ada.cardsRead({ path });
    return data.status === 'frozen' && !data.waiting_for && data;
  });
  say(frozen.status_text);
}

async function seeDecline(): Promise<void> {
  await ask('Try to buy something again');
  const declined = await until(async () => (await ada.purchasesList({ query: { status: 'declined' } })).data.results[0]);
  say(`${declined.status}: ${money(declined.amount)} at ${declined.merchant.name}`);
  say(`${declined.decline?.sentence}`);
}

/** Asks again and again until there is something to see. */
async function until<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  for (let tries = 0; tries < 100; tries++) {
    const seen = await look();
    if (seen) return seen;
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error('It did not happen within 20 seconds.');
}

async function ask(what: string): Promise<string> {
  console.log(`? ${what}, then press Enter:`);
  const line = await lines.next();
  if (line.done) throw new Error('The input has ended.');
  return line.value.trim();
}

function say(text: string): void {
  console.log(`  ${text}`);
}

function money({ amount_minor, currency }: Money): string {
  const digits = new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
  return `${(amount_minor / 10 ** digits).toFixed(digits)} ${currency}`;
}

async function printed(...given: Parameters<typeof fetch>): Promise<Response> {
  const request = new Request(...given);
  const answer = await fetch(request);
  const { pathname, search } = new URL(request.url);
  console.log(`${request.method} ${pathname}${search} ${answer.status}`);
  return answer;
}
