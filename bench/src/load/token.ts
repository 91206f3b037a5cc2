import { createHmac } from 'node:crypto'

/** What the subject `fanline-jwt` checks tokens with. */
export const JWT_SECRET = 'only for a benchmark on one machine'

/** A token of a publisher, good for an hour: made once and sent with every publish, as a publisher would. */
export function publisherToken(): string {
  const claims = {
    sub: 'publisher',
    exp: Math.floor(Date.now() / 1000) + 3600,
    fanline: { publish: ['news'] },
  }
  const text = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded(claims)}`
  return `${text}.${createHmac('sha256', JWT_SECRET).update(text).digest('base64url')}`
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
