import { setFlagsFromString } from 'node:v8'

/**
 * Tells V8 not to guess which objects live long. While clients connect, what is made for a request stays; from that V8
 * concludes that all such objects will, and puts those of every later publish into the old generation, where only a
 * full collection finds them: scavenges took 6.5 ms instead of 3, and the heap grew twice as fast.
 */
export function stopPretenuring(): void {
  setFlagsFromString('--no-allocation-site-pretenuring')
}
