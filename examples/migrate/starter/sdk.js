const address = new URLSearchParams(location.search)
const token = address.get('token')

export const url = new URL('/sse/stream', address.get('server') ?? 'http://localhost:3000').href

/** With a header, as the guide of the starter meant to; without a token the browser sends the cookie of the sign-in. */
export const options = {
  ...(token ? { getToken: () => token } : { credentials: 'include' }),
  parse: JSON.parse,
}
