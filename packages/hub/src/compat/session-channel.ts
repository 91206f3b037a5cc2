/**
 * The topic of one session, beside which its stream has a user: `session.` and its id, in which what the name of a topic
 * cannot hold is percent-encoded.
 */
export function sessionChannel(sessionId: string): string {
  return `session.${sessionId.replace(/[\s*,%]/g, percentEncoded)}`
}

function percentEncoded(char: string): string {
  return char === '*' ? '%2A' : encodeURIComponent(char)
}
