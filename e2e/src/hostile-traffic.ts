/** What would run in a page that puts text into its markup, its addresses or its code. */
export const HOSTILE_TEXTS: readonly string[] = [
  '<img src=x onerror=hacked=1>',
  '<script>hacked=1</script>',
  '"><svg/onload=hacked=1>',
  "';hacked=1;'",
  'javascript:hacked=1',
  '</title><script>hacked=1</script>',
  '{{constructor.constructor("hacked=1")()}}',
  '<a href="javascript:hacked=1" autofocus onfocus=hacked=1>x</a>',
  '</textarea><iframe srcdoc="<script>parent.hacked=1</script>">',
  '__proto__',
  '\u202eevil\u2066',
]

/**
 * Streams whose users and channels have such names, and ten events each second whose types and data are such texts.
 * Resolves when all streams are open; the answer ends it.
 */
export async function startHostileTraffic(origin: string): Promise<() => void> {
  const ending = new AbortController()
  const { signal } = ending
  const channels = await acceptedChannels(origin)
  for (const user of HOSTILE_TEXTS) {
    const query = new URLSearchParams([['user', user], ...channels.map((channel) => ['channel', channel])])
    const response = await fetch(`${origin}/v1/events?${query}`, { signal })
    // Some texts cannot be the id of a user.
    if (response.ok) response.body?.pipeTo(new WritableStream(), { signal }).catch(() => undefined)
  }
  let turn = 0
  const timer = setInterval(() => {
    const text = HOSTILE_TEXTS[turn % HOSTILE_TEXTS.length]!
    const channel = channels[turn++ % channels.length]
    const body = JSON.stringify({ channel, event: text, data: { text, [text]: [text] } })
    void fetch(`${origin}/v1/publish`, { method: 'POST', body, signal }).catch(() => undefined)
  }, 100)
  return () => {
    clearInterval(timer)
    ending.abort()
  }
}

/** Those texts that may be names of channels, and two that are sane. */
async function acceptedChannels(origin: string): Promise<string[]> {
  const channels = ['orders', 'news']
  for (const channel of HOSTILE_TEXTS) {
    const body = JSON.stringify({ channel, data: channel })
    const { ok } = await fetch(`${origin}/v1/publish`, { method: 'POST', body })
    if (ok && !channel.includes(',')) channels.push(channel)
  }
  return channels
}
