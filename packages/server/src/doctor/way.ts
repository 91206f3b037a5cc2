import type { IncomingHttpHeaders } from 'node:http'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Target } from '../client/target.ts'

/** What can stand between a hub and a browser, as far as the doctor knows it. */
export type FrontName =
  | 'nginx'
  | 'Caddy'
  | 'HAProxy'
  | 'Traefik'
  | 'Cloudflare'
  | 'AWS ALB'
  | 'Express'
  | 'Next.js'

/** Somebody on the way, and what gave them away. */
export interface Front {
  readonly name: FrontName
  readonly sign: string
}

/** Who stands between the doctor and the hub; the outermost first, where that can be told. */
export type Way = readonly Front[]

/** How long somebody may take to answer what is no HTTP, in milliseconds. */
const ERROR_PAGE_MS = 2000

/** How an answer to what is no HTTP looks. */
const ERROR_PAGES: readonly (readonly [FrontName, RegExp])[] = [
  ['Cloudflare', /^server: cloudflare|<center>cloudflare/im],
  ['nginx', /<center>(?:nginx|openresty)/],
  ['HAProxy', /<h1>400 Bad request<\/h1>\s+Your browser sent an invalid request\./],
  ['AWS ALB', /^server: awselb/im],
  // The answer of Go's own server, and Caddy says its name in other answers.
  [
    'Traefik',
    /^HTTP\/1\.1 400 Bad Request\r\nContent-Type: text\/plain; charset=utf-8\r\nConnection: close\r\n\r\n400/,
  ],
]

/** Headers of an answer that name somebody. */
const HEADERS: readonly (readonly [FrontName, name: string, RegExp])[] = [
  ['Cloudflare', 'cf-ray', /./],
  ['Cloudflare', 'server', /^cloudflare/i],
  ['AWS ALB', 'server', /^awselb/i],
  ['AWS ALB', 'set-cookie', /^AWSALB/],
  ['Caddy', 'server', /^Caddy/i],
  ['Caddy', 'via', /Caddy/i],
  ['nginx', 'server', /^(?:nginx|openresty)/i],
  ['Next.js', 'x-powered-by', /^Next\.js/i],
  ['Express', 'x-powered-by', /^Express/i],
]

/**
 * Who stands on the way.
 * @param headers of an answer that the hub made for a stream
 */
export async function wayTo({ url }: Target, headers: IncomingHttpHeaders): Promise<Way> {
  const named = frontsIn(headers)
  const page = await errorPage(url)
  const answered = ERROR_PAGES.filter(([, pattern]) => pattern.test(page)).map(([name]) => name)
  const outermost = answered
    .filter((name) => name !== 'Traefik' || !named.some((front) => front.name === 'Caddy'))
    .map((name) => ({ name, sign: 'its error page' }))
  return [...outermost, ...named].filter(
    ({ name }, i, all) => all.findIndex((front) => front.name === name) === i,
  )
}

/** Those whom headers give away. */
export function frontsIn(headers: IncomingHttpHeaders): Way {
  const named: Front[] = []
  for (const [name, header, pattern] of HEADERS) {
    const value = String(headers[header] ?? '')
    if (pattern.test(value)) named.push({ name, sign: `${header}: ${value.slice(0, 60)}` })
  }
  // nginx keeps this header for itself, whatever else it hides.
  const isStream = /^text\/event-stream/.test(headers['content-type'] ?? '')
  if (isStream && headers['x-accel-buffering'] === undefined && !named.some(({ name }) => name === 'nginx')) {
    named.push({ name: 'nginx', sign: 'X-Accel-Buffering does not arrive' })
  }
  return named
}

/** What is answered to a request line that is none; '' when nothing is. */
async function errorPage(url: URL): Promise<string> {
  const socket = connection(url)
  let answer = ''
  await new Promise<void>((resolve) => {
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text
    })
    socket.setTimeout(ERROR_PAGE_MS, resolve)
    // Nothing is learnt from one that does not answer, and the other checks say why.
    socket.once('error', () => resolve())
    socket.once('close', resolve)
    socket.end('GET\r\n\r\n')
  })
  socket.destroy()
  return answer
}

function connection(url: URL): Socket {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (url.protocol === 'http:') return connectTcp(Number(url.port || 80), host)
  return connectTls({ host, port: Number(url.port || 443), servername: host, ALPNProtocols: ['http/1.1'] })
}
