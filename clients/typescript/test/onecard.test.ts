/** What src/onecard.ts adds to the generated operations, each against answers that a network could give. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { app, browser, ifMatch, nextStep, OneCard, type OneCardOptions, ProblemError, rows, StepsError } from '../src/onecard.js';

type Answer = () => Response;
const CARD = { path: { public_id: '9a0c5a52-7a38-4c55-8a51-6f4d2e3b1c00' } };

/** A person whose requests get these answers, one after the other. */
function person(answers: Answer[], more: Partial<OneCardOptions> = {}) {
  const asked: Request[] = [];
  const tokens: string[] = [];
  const answer = async (input: RequestInfo | URL): Promise<Response> => {
    asked.push(input as Request);
    const next = answers.shift();
    assert.ok(next, 'there was one request too many');
    return next();
  };
  const onToken = (token: string) => tokens.push(token);
  const one = new OneCard({ baseUrl: 'https://onecard.example', pausesMs: [1, 1], fetch: answer, onToken, ...more });
  return { one, asked, tokens };
}

function says(status: number, body: object, headers: Record<string, string> = {}): Answer {
  return () => Response.json(body, { status, headers });
}

function problem(status: number, code: string, headers: Record<string, string> = {}, more: object = {}): Answer {
  return says(status, { type: 'x', title: 'x', status, code, detail: 'A sentence.', request_id: 'r1', ...more }, headers);
}

function steps(pending: string, meta: object = {}): Answer {
  const flows = [{ id: 'login' }, ...(pending ? [{ id: pending, is_pending: true }] : [])];
  return says(401, { status: 401, data: { flows }, meta: { is_authenticated: false, ...meta } });
}

const lost: Answer = () => {
  throw new TypeError('fetch failed');
};
const keys = (asked: Request[]) => asked.map((request) => request.headers.get('Idempotency-Key'));

test('a POST whose answer is lost is sent again with the same key and body', async () => {
  const { one, asked } = person([lost, problem(503, 'issuer_unavailable'), says(201, { id: 'c1' })]);

  const { data } = await one.cardsFreeze({ ...CARD, body: { reason: 'Mislaid.' } });

  assert.deepEqual(data, { id: 'c1' });
  assert.match(keys(asked)[0] ?? '', /^[0-9a-f-]{36}$/);
  assert.equal(new Set(keys(asked)).size, 1);
  assert.deepEqual(await Promise.all(asked.map((request) => request.json())), Array(3).fill({ reason: 'Mislaid.' }));
});

test('two POSTs have two keys, and a key of the caller is kept', async () => {
  const { one, asked } = person([says(201, {}), says(201, {}), says(201, {})]);

  await one.cardsCreate({ body: {} });
  await one.cardsCreate({ body: {} });
  await one.cardsCreate({ body: {}, headers: { 'Idempotency-Key': 'mine' } });

  assert.equal(new Set(keys(asked)).size, 3);
  assert.equal(keys(asked)[2], 'mine');
});

test('a request that still runs is asked for again', async () => {
  const { one, asked } = person([problem(409, 'request_still_running'), says(201, {})]);

  await one.cardsCreate({ body: {} });

  assert.equal(new Set(keys(asked)).size, 1);
});

test('what has no key or would be done twice is sent once', async () => {
  const { one, asked } = person([lost, lost, lost]);

  await assert.rejects(one.authLogIn({ path: app, body: { email: 'a@example.com', password: 'x' } }), TypeError);
  await assert.rejects(one.cardsRevealTokenCreate({ ...CARD, body: {} }), TypeError);
  await assert.rejects(one.cardLimitsChange({ ...CARD, body: {}, headers: { 'If-Match': '"1"' } }), TypeError);

  assert.deepEqual(keys(asked), [null, null, null]);
});

test('it gives up after the last pause, and at once when the wait is long', async () => {
  await assert.rejects(person([lost, lost, lost]).one.kyc(), TypeError);
  const { one } = person([problem(503, 'processor_unavailable', { 'Retry-After': '60' })]);

  await assert.rejects(one.fundingCardSetupsCreate({}), (error) => {
    assert.ok(error instanceof ProblemError);
    assert.equal(error.retryAfterS, 60);
    return true;
  });
});

test('a refusal has its code, sentence and fields', async () => {
  const { one } = person([problem(400, 'invalid_request', {}, { errors: { phone: ['Give a phone number.'] } })]);

  await assert.rejects(one.profileUpdate({ body: {} }), (error) => {
    assert.ok(error instanceof ProblemError);
    assert.deepEqual([error.code, error.status, error.message], ['invalid_request', 400, 'A sentence.']);
    assert.deepEqual(error.errors, { phone: ['Give a phone number.'] });
    assert.equal(error.requestId, 'r1');
    return true;
  });
});

test('an answer that is no problem details is a ProblemError as well', async () => {
  const { one } = person([() => new Response('<html>Bad gateway</html>', { status: 502 })]);

  await assert.rejects(one.cardsCreate({ body: {} }), { name: 'ProblemError', code: 'http_502' });
});

test('the token of an answer replaces the one before, and goes with the next request', async () => {
  const { one, asked, tokens } = person([
    steps('verify_email', { session_token: 't1' }),
    says(200, { status: 200, data: {}, meta: { is_authenticated: true, session_token: 't2' } }),
    says(200, { results: [] }),
  ]);

  assert.equal(await nextStep(one.authSignUp({ path: app, body: { email: 'a@example.com', password: 'x' } })), 'verify_email');
  assert.equal(await nextStep(one.authVerifyEmail({ path: app, body: { key: 'BCDF-GHJK' } })), undefined);
  await one.cardsList();

  assert.deepEqual(asked.map((request) => request.headers.get('X-Session-Token')), [null, 't1', 't2']);
  assert.deepEqual(tokens, ['t1', 't2']);
});

test('a session that has ended is forgotten, and one that asks who it is is not', async () => {
  const ended = [problem(401, 'not_authenticated'), says(410, { status: 410 }), steps('')];
  for (const answer of ended) {
    const { one, tokens } = person([answer], { token: 't1', pausesMs: [] });
    await assert.rejects(one.authReadSession({ path: app }));
    assert.deepEqual([one.token, tokens], ['', ['']]);
  }
  const { one, tokens } = person([steps('reauthenticate', { is_authenticated: true })], { token: 't1' });
  await assert.rejects(one.authRemoveTotp({ path: app }), (error) => error instanceof StepsError && error.next === 'reauthenticate');
  assert.deepEqual([one.token, tokens], ['t1', []]);
});

test('a change names what was read', async () => {
  const { one, asked } = person([says(200, {}, { ETag: '"7"' }), says(200, {}), says(200, {})]);

  const limits = await one.cardLimitsRead(CARD);
  const changed = await one.cardLimitsChange({ ...CARD, body: { daily_minor: 60000 }, headers: ifMatch(limits) });

  assert.equal(asked[1]?.headers.get('If-Match'), '"7"');
  assert.throws(() => ifMatch(changed), /gave no ETag/);
});

test('a list is read to its end, page after page', async () => {
  const next = 'https://onecard.example/api/v1/purchases?cursor=cD00ODY%3D&mcc=5812';
  const { one, asked } = person([says(200, { next, results: [{ id: 'p1' }] }), says(200, { next: null, results: [{ id: 'p2' }] })]);

  const seen: string[] = [];
  for await (const each of rows((query) => one.purchasesList({ query: { ...query, mcc: '5812' } }))) seen.push(each.id);

  assert.deepEqual(seen, ['p1', 'p2']);
  assert.deepEqual(asked.map((request) => new URL(request.url).search), ['?mcc=5812', '?cursor=cD00ODY%3D&mcc=5812']);
});

test('a page sends the CSRF token of its cookie with each change', async (context) => {
  Object.assign(globalThis, { document: { cookie: 'other=1; csrftoken=abc' } });
  context.after(() => Reflect.deleteProperty(globalThis, 'document'));
  const { one, asked } = person([steps('verify_email'), says(200, {})]);

  await nextStep(one.authSignUp({ path: browser, body: { email: 'a@example.com', password: 'x' } }));
  await one.kyc();

  assert.deepEqual(asked.map((request) => request.headers.get('X-CSRFToken')), ['abc', null]);
});
