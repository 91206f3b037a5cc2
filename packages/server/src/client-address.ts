import type { IncomingMessage } from 'node:http'
import { BlockList, isIP, SocketAddress } from 'node:net'
import { usageFailure } from './failure.ts'

/** Tells where a client is, for counting; undefined when it should not be counted. */
export type ClientAddress = (req: IncomingMessage) => string | undefined

/**
 * Believes the `X-Forwarded-For` of trusted proxies, and of nobody else.
 * @param trusted addresses and networks
 * @throws Failure for what is neither
 */
export function clientAddress(trusted: readonly string[]): ClientAddress {
  const proxies = networks(trusted)
  return (req) => addressToCount(req.socket.remoteAddress, () => forwardedFor(req), proxies)
}

/**
 * Addresses and networks as a list that knows its members.
 * @throws Failure
 */
export function networks(texts: readonly string[]): BlockList {
  const list = new BlockList()
  for (const text of texts) {
    const [, address = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
    const bits = isIP(address) === 4 ? 32 : 128
    if (isIP(address) === 0 || Number(prefix ?? 0) > bits) {
      throw usageFailure(
        `proxy.trusted is a list of addresses and networks, such as 127.0.0.1 and 10.0.0.0/8, not ${JSON.stringify(text)}.`,
      )
    }
    list.addSubnet(address, Number(prefix ?? bits), bits === 32 ? 'ipv4' : 'ipv6')
  }
  return list
}

/**
 * What one client counts under.
 * @param peer who is at the other end of the socket
 * @param forwarded what `X-Forwarded-For` names, the first proxy's entry first; asked only when the peer is trusted
 */
export function addressToCount(
  peer: string | undefined,
  forwarded: () => readonly string[],
  trusted: BlockList,
): string | undefined {
  const nearest = parseAddress(peer ?? '')
  if (nearest === undefined) return undefined
  if (!trusted.check(nearest)) return NOT_PUBLIC.check(nearest) ? undefined : network(nearest)
  // Every proxy adds at the end whom it saw. So the last entry that is none of ours was written by one of ours, and
  // what stands before it by whoever liked to.
  const client = forwarded()
    .toReversed()
    .map(parseAddress)
    .find((address) => address === undefined || !trusted.check(address))
  return client === undefined ? undefined : network(client)
}

/** Addresses that many clients share behind a proxy, or that no client on the internet has (RFC 6890). */
const NOT_PUBLIC = networks([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::1',
  'fc00::/7',
  'fe80::/10',
])

/** An address that lists know without parsing it again; undefined for what is none. A proxy may write a port behind it. */
function parseAddress(text: string): SocketAddress | undefined {
  const [, bracketed, plain] = /^(?:\[(.+)\](?::\d+)?|([\d.]+)(?::\d+)?)$/.exec(text.trim()) ?? []
  const address = bracketed ?? plain ?? text.trim()
  if (isIP(address) === 0) return undefined
  if (isIP(address) === 4) return new SocketAddress({ address })
  const parsed = new SocketAddress({ address, family: 'ipv6' })
  // How a socket that listens on both families names an IPv4 peer (RFC 4291, section 2.5.5.2).
  const isMapped = parsed.address.startsWith('::ffff:') && parsed.address.includes('.')
  return isMapped ? new SocketAddress({ address: parsed.address.slice(7) }) : parsed
}

/** One client has a whole /64 of IPv6 addresses, and would otherwise have as many counters. */
function network({ address, family }: SocketAddress): string {
  if (family === 'ipv4') return address
  const [head = '', tail] = address.split('::')
  const front = head.split(':').filter(Boolean)
  const back = (tail ?? '').split(':').filter(Boolean)
  const zeros = tail === undefined ? [] : new Array<string>(8 - front.length - back.length).fill('0')
  return `${[...front, ...zeros, ...back].slice(0, 4).join(':')}::/64`
}

/** All entries of all headers of this name, in their order: a proxy may add a header instead of an entry. */
function forwardedFor({ rawHeaders }: IncomingMessage): readonly string[] {
  const entries: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.toLowerCase() === 'x-forwarded-for') entries.push(...rawHeaders[i + 1]!.split(','))
  }
  return entries
}
