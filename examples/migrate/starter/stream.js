const MOST_TRIES = 5
const LONGEST_DELAY_MS = 30_000

const address = new URLSearchParams(location.search)

/** The stream with the token in its address; without one the browser sends the cookie of the sign-in. */
export function streamUrl() {
  const url = new URL('/sse/stream', address.get('server') ?? 'http://localhost:3000')
  const token = address.get('token')
  if (token) url.searchParams.set('token', token)
  return url
}

/**
 * Listens, and comes back by hand after a break: later each time, and not for ever.
 * @param url where
 * @param listeners what is done with an event, by its name; `lost` when the stream has broken
 * @returns a function that leaves
 */
export function listen(url, { lost, ...listeners }) {
  let tries = 0
  let source
  let timer

  const open = () => {
    source = new EventSource(url, { withCredentials: true })
    source.addEventListener('connected', () => {
      tries = 0
    })
    for (const [name, heard] of Object.entries(listeners)) {
      source.addEventListener(name, ({ data }) => heard(JSON.parse(data)))
    }
    source.onerror = () => {
      source.close()
      lost()
      if (tries === MOST_TRIES) return
      timer = setTimeout(open, Math.min(1000 * 2 ** tries, LONGEST_DELAY_MS))
      tries++
    }
  }
  const leave = () => {
    clearTimeout(timer)
    source.close()
  }

  open()
  addEventListener('pagehide', leave)
  return leave
}
