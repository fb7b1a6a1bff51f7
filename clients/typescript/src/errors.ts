/** What is thrown when One Card refuses a request, and when a login has steps left. */

import type { AuthSteps, Problem } from './generated/index.js';

/** The API refused a request, and says why (problem details, RFC 9457). `message` is a sentence for people. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  /** Stable: decide by it. `/api/docs/problems` explains each. */
  readonly code: string;
  readonly status: number;
  /** The sentences of each wrong field. */
  readonly errors: Record<string, unknown>;
  /** Tell it to support. */
  readonly requestId: string;

  constructor(problem: Problem, readonly retryAfterS?: number) {
    super(problem.detail);
    this.code = problem.code;
    this.status = problem.status;
    this.errors = problem.errors ?? {};
    this.requestId = problem.request_id;
  }
}

/** Nobody is logged in yet, or must show once more who they are. */
export class StepsError extends Error {
  override readonly name = 'StepsError';

  constructor(readonly steps: AuthSteps['data']['flows']) {
    super('Log in first.');
  }

  /** The step to take next, such as `verify_email`; undefined when the person has to log in from the beginning. */
  get next(): string | undefined {
    return this.steps.find((step) => step.is_pending)?.id;
  }
}

/** Waits for joining or logging in, and returns the step that is next; undefined when the person is logged in. */
export async function nextStep(asked: Promise<unknown>): Promise<string | undefined> {
  try {
    await asked;
    return undefined;
  } catch (error) {
    if (error instanceof StepsError && error.next) return error.next;
    throw error;
  }
}

/** Makes the error to throw from what was answered; without an answer it stays the network's own. */
export function errorOf(said: unknown, answer: Response | undefined): unknown {
  if (!answer) return said;
  const { status } = answer;
  const found = (typeof said === 'object' && said ? said : {}) as Partial<AuthSteps & Problem>;
  if (status === 401 && found.data?.flows) return new StepsError(found.data.flows);
  const code = status === 410 ? 'session_ended' : `http_${status}`;
  const detail = status === 410 ? 'The session has ended: log in.' : `One Card answered ${status} and no more.`;
  const unsaid = { type: 'about:blank', title: answer.statusText, code, detail, request_id: '' };
  return new ProblemError({ ...unsaid, ...found, status }, Number(answer.headers.get('Retry-After')) || undefined);
}
