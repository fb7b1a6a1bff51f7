/** What README.md shows, so that it compiles. */

import { app, ifMatch, nextStep, OneCard, ProblemError, rows } from '../src/onecard.js';

export async function limit(
  email: string,
  password: string,
  keepSafe: (token: string) => void,
  show: (sentence: string, errors: object) => void,
): Promise<void> {
  const person = new OneCard({ baseUrl: 'https://onecard.example', onToken: keepSafe });

  const step = await nextStep(person.authLogIn({ path: app, body: { email, password } }));
  if (step) return show(`The next step is ${step}.`, {});
  const { data: cards } = await person.cardsList();
  const path = { public_id: cards.results[0].id };
  const limits = await person.cardLimitsRead({ path });
  try {
    await person.cardLimitsChange({ path, body: { daily_minor: 60000 }, headers: ifMatch(limits) });
  } catch (error) {
    if (error instanceof ProblemError) show(error.message, error.errors); // error.code is stable
  }
  for await (const each of rows((query) => person.purchasesList({ query }))) console.log(each.merchant.name);
}
