/**
 * The frontend API of One Card: the generated operations, and around them what every app and page needs.
 *
 * - The session token goes with each request, and is replaced whenever an answer brings another one.
 * - Each POST gets an `Idempotency-Key`. When its answer is lost, it is sent again with the same key: it has one effect.
 * - A refusal is thrown as a `ProblemError` with its stable `code`. Steps that a login still needs are a `StepsError`.
 */

import { errorOf } from './errors.js';
import { createClient, createConfig } from './generated/client/index.js';
import { type AuthSteps, OneCardApi, type Problem } from './generated/index.js';

export * from './errors.js';
export * from './generated/index.js';

export interface OneCardOptions {
  /** Where One Card is, such as https://onecard.example. */
  baseUrl: string;
  /** The session token that `onToken` gave when the app last ran. */
  token?: string;
  /** Gets each new session token, and '' when the session has ended. Keep it where the device keeps secrets. */
  onToken?: (token: string) => void;
  /** The waits before a request is sent again, in milliseconds. */
  pausesMs?: readonly number[];
  fetch?: typeof fetch;
}

/** The `path` of joining and logging in: an app keeps a session token, a page of the web has a cookie. */
export const app = { client: 'app' } as const;
export const browser = { client: 'browser' } as const;

const KEY = 'Idempotency-Key';
const LONGEST_WAIT_S = 10;
/** The POSTs without a key: joining, what changes nothing, and a secret, which is kept nowhere. */
export const WITHOUT_KEY = /\/v1\/auth\/|\/reveal-token$|\/routing\/preview$|\/wallet\/rules\/try$/;

/** Every operation of the API, for one person. */
export class OneCard extends OneCardApi {
  token: string;

  constructor(private readonly options: OneCardOptions) {
    super({
      client: createClient(
        createConfig({
          baseUrl: options.baseUrl,
          throwOnError: true,
          auth: (scheme) => (scheme.name === 'X-Session-Token' ? this.token : undefined),
          fetch: (input, init) => this.send(new Request(input, init)),
        }),
      ),
    });
    this.token = options.token ?? '';
    this.client.interceptors.request.use(withHeaders);
    this.client.interceptors.error.use(errorOf);
  }

  /** Sends a request, and sends it again where that is safe: when no answer came, or one that says to try again. */
  private async send(request: Request): Promise<Response> {
    const mayRepeat = request.method === 'GET' || request.headers.has(KEY);
    const pauses = mayRepeat ? [...(this.options.pausesMs ?? [300, 1000, 3000])] : [];
    for (;;) {
      const pause = pauses.shift();
      try {
        const answer = await (this.options.fetch ?? fetch)(request.clone());
        const waitS = pause === undefined ? undefined : await secondsToWait(answer);
        if (pause === undefined || waitS === undefined) return await this.followed(request, answer);
        await sleep(Math.max(pause, waitS * 1000));
      } catch (error) {
        if (pause === undefined || request.signal.aborted) throw error;
        await sleep(pause);
      }
    }
  }

  /** Keeps the session token of an answer, and forgets one whose session has ended. */
  private async followed(request: Request, answer: Response): Promise<Response> {
    const said = request.url.includes('/v1/auth/app/') ? await json<AuthSteps>(answer) : {};
    const isOver = answer.status === 410 || (answer.status === 401 && !isUnderWay(said));
    const token = said.meta?.session_token ?? (isOver ? '' : this.token);
    if (token !== this.token) {
      this.token = token;
      this.options.onToken?.(token);
    }
    return answer;
  }
}

/** The header for changing only what was read: `headers: ifMatch(answer)`. */
export function ifMatch(answer: { response: Response }): { 'If-Match': string } {
  const tag = answer.response.headers.get('ETag');
  if (!tag) throw new Error(`${answer.response.url} gave no ETag: read what you change, and give that answer.`);
  return { 'If-Match': tag };
}

/** Every row of a list: `for await (const each of rows((query) => person.purchasesList({ query })))`. */
export async function* rows<T>(
  ask: (query: { cursor?: string }) => Promise<{ data: { next: string | null; results: T[] } }>,
): AsyncGenerator<T> {
  let cursor: string | undefined;
  do {
    const { data } = await ask({ cursor });
    yield* data.results;
    cursor = data.next ? (new URL(data.next).searchParams.get('cursor') ?? undefined) : undefined;
  } while (cursor);
}

function withHeaders(request: Request): Request {
  const csrf = /(?:^|; )csrftoken=([^;]+)/.exec(globalThis.document?.cookie ?? '')?.[1];
  if (csrf && request.method !== 'GET') request.headers.set('X-CSRFToken', csrf);
  const needsKey = request.method === 'POST' && !WITHOUT_KEY.test(new URL(request.url).pathname);
  if (needsKey && !request.headers.has(KEY)) request.headers.set(KEY, crypto.randomUUID());
  return request;
}

/** How long to wait before a request is sent again; undefined when the answer is final. */
async function secondsToWait(answer: Response): Promise<number | undefined> {
  const isRunning = answer.status === 409 && (await json<Problem>(answer)).code === 'request_still_running';
  const waitS = Number(answer.headers.get('Retry-After') ?? 0);
  return (answer.status === 503 || isRunning) && waitS <= LONGEST_WAIT_S ? waitS : undefined;
}

function isUnderWay(said: Partial<AuthSteps>): boolean {
  return Boolean(said.meta?.is_authenticated || said.data?.flows?.some((step) => step.is_pending));
}

async function json<T>(answer: Response): Promise<Partial<T>> {
  return (await answer.clone().json().catch(() => ({}))) as Partial<T>;
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
