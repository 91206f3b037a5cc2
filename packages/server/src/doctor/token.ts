import { tokenReport } from '@fanline/hub/jwt'
import { describeProblem } from '../client/request.ts'
import type { Target } from '../client/target.ts'
import { reasonToRefuse } from '../token-text.ts'
import type { CheckResult, Diagnosis } from './check.ts'
import type { Reached } from './reach.ts'

/** Checks what the token says by itself, and whether the hub takes it. */
export async function checkToken(
  { token }: Target,
  { status, problem }: Reached,
  channel: string,
): Promise<CheckResult> {
  const name = 'token'
  const local = token === undefined ? undefined : await localReason(token)
  if (status !== 401 && status !== 403) {
    if (token === undefined) return { name, verdict: 'ok', text: 'none sent, and none asked for' }
    if (local === undefined) return { name, verdict: 'ok', text: 'accepted' }
    return { name, verdict: 'hint', text: `the server does not look at it, and it is no good: ${local}` }
  }
  const said = problem ? describeProblem(problem) : `status ${status}, and not in the words of the hub`
  const text =
    token === undefined ? said : `${said}${local === undefined ? '' : ` It shows in the token: ${local}.`}`
  const figures = { status, code: problem?.code ?? null, local: local ?? null }
  return {
    name,
    verdict: 'wrong',
    text,
    figures,
    diagnoses: [refusal(token, problem?.code, said, local, channel)],
  }
}

/** Why a token would be refused anywhere; undefined for one that is no JSON Web Token, and for a good one. */
async function localReason(token: string): Promise<string | undefined> {
  const report = await tokenReport(token, {})
  return report.claims ? reasonToRefuse(report, Date.now()) : undefined
}

function refusal(
  token: string | undefined,
  code: string | undefined,
  because: string,
  local: string | undefined,
  channel: string,
): Diagnosis {
  if (code === undefined) {
    return {
      trouble: 'The stream is refused before it reaches the hub.',
      culprit: 'a proxy or middleware that asks for credentials of its own',
      because,
      fix: 'Let /v1/ pass to the hub, which checks credentials itself; or put what it asks for before FANLINE_TOKEN.',
    }
  }
  if (token === undefined) {
    return {
      trouble: 'The server asks for a token, and none was sent.',
      culprit: 'FANLINE_TOKEN is not set',
      because,
      fix: `export FANLINE_TOKEN="$(fanline token mint --user doctor --subscribe 'fanline.doctor.**' --publish 'fanline.doctor.**')"`,
    }
  }
  if (code === 'channel-forbidden') {
    return {
      trouble: `The token is good, and does not cover ${channel}.`,
      culprit: 'the grants of the token',
      because,
      fix: "Name a channel that it covers with --channel, or grant 'fanline.doctor.**'.",
    }
  }
  if (code === 'token-expired' || local === 'it has expired') {
    return {
      trouble: 'The token has expired.',
      culprit: 'the token',
      because: local ?? because,
      fix: `Get a new one before it ends: the client does with connect(url, { token: async () => … }).
For a try: export FANLINE_TOKEN="$(fanline token mint --user 42 --expires 1h)"`,
    }
  }
  return {
    trouble: 'The token is not accepted.',
    culprit: local === undefined ? 'its secret, issuer or audience are not those of the server' : 'the token',
    because: local ?? because,
    fix: 'Where the server runs, with its options: echo "$FANLINE_TOKEN" | fanline token verify',
  }
}
