import type { ProblemBody, Role } from '@fanline/protocol'
import { signal } from '@preact/signals'

/** Where the credential is kept: until its tab is closed, and for no other tab. */
const STORED = 'fanline.admin.credential'

/** `asking` until the server has answered; `refused` shows the sign-in. */
export type Standing = 'asking' | 'granted' | 'refused'

/** `GET /v1/access`: who has signed in. */
export interface Access {
  readonly user: string | null
  readonly role: Role | null
}

/** An API key or a token with a role; empty where none was given: `fanline dev` asks for none. */
export const credential = signal(sessionStorage.getItem(STORED) ?? '')
export const standing = signal<Standing>('asking')
/** Who has signed in; undefined while nobody has. */
export const access = signal<Access | undefined>(undefined)
/** Why the server refuses; empty when it does not. */
export const refusal = signal('')

/** The server has answered with a problem. */
export class Refused extends Error {
  readonly problem: ProblemBody

  constructor(problem: ProblemBody) {
    super(problem.detail ?? problem.title)
    this.problem = problem
  }
}

/**
 * Asks the server, as whoever has signed in.
 * @throws Refused, or TypeError when it cannot be reached
 */
export async function call<Answer>(method: string, path: string, body?: object): Promise<Answer> {
  const response = await ask(method, path, credential.value, body)
  if (response.ok) return response.json()
  const problem = await problemIn(response)
  if (response.status === 401) {
    refusal.value = problem.detail ?? problem.title
    standing.value = 'refused'
  }
  throw new Refused(problem)
}

/** Asks the server with some credential; the answer changes nothing here. */
export function ask(method: string, path: string, bearer: string, body?: object): Promise<Response> {
  const headers: Record<string, string> = bearer === '' ? {} : { Authorization: `Bearer ${bearer}` }
  return fetch(path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
}

/** What a refusal says; of what is no problem, such as a proxy's page, the status. */
export async function problemIn(response: Response): Promise<ProblemBody> {
  const text = await response.text()
  if (response.headers.get('content-type')?.startsWith('application/problem+json')) return JSON.parse(text)
  const { status, statusText: title } = response
  return { type: 'about:blank', title, status, code: 'internal', detail: `The answer has status ${status}.` }
}

/** Tries a credential, and keeps it for this tab when it has a role. Asks with the one in use when absent. */
export async function signIn(text: string = credential.value): Promise<void> {
  const wasGiven = text !== ''
  credential.value = text
  try {
    const known = await call<Access>('GET', '/v1/access')
    if (known.role === null)
      throw new Error('This credential has no role: it may listen and publish, and not look in here.')
    access.value = known
    if (wasGiven) sessionStorage.setItem(STORED, text)
    standing.value = 'granted'
    refusal.value = ''
  } catch (error) {
    credential.value = ''
    standing.value = 'refused'
    // Who has said nothing yet needs no reproach.
    refusal.value = wasGiven || !(error instanceof Refused) ? textOf(error) : ''
  }
}

/** Forgets the credential. */
export function signOut(): void {
  sessionStorage.removeItem(STORED)
  credential.value = ''
  refusal.value = ''
  standing.value = 'refused'
}

/** What went wrong, in a sentence. */
export function textOf(error: unknown): string {
  if (error instanceof TypeError) return 'The server does not answer.'
  return error instanceof Error ? error.message : String(error)
}
