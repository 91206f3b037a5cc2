/**
 * The CRC-32 of two pieces from that of each, without looking at their bytes again: bytes that many connections share
 * are checked once for all of them. After zlib's `crc32_combine` (crc32.c, Mark Adler): the checksum is a polynomial over
 * GF(2), and appending zeros multiplies it by a power of x.
 */

/** Reversed, as the checksum of gzip has it (RFC 1952, section 8). */
const POLYNOMIAL = 0xedb88320

/** x to the power of 0: the highest bit is the lowest power. */
const ONE = 0x80000000

/** x to the power of 2 to the n. */
const POWERS: readonly number[] = powers()

/** What {@link combineCrc32} needs of a second piece of so many bytes. */
export function shiftOf(length: number): number {
  let shift = ONE
  // A byte is 2 to the power of 3 bits.
  for (let rest = length, n = 3; rest > 0; rest = Math.floor(rest / 2), n++) {
    if (rest % 2 === 1) shift = multiply(POWERS[n & 31]!, shift)
  }
  return shift
}

/** The checksum of two pieces, one after the other. */
export function combineCrc32(first: number, second: number, secondShift: number): number {
  return (multiply(secondShift, first) ^ second) >>> 0
}

/** Modulo the polynomial. */
function multiply(a: number, b: number): number {
  let product = 0
  let factor = b
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= factor
    factor = (factor & 1) === 0 ? factor >>> 1 : (factor >>> 1) ^ POLYNOMIAL
  }
  return product >>> 0
}

function powers(): number[] {
  const found = [0x40000000]
  while (found.length < 32) found.push(multiply(found.at(-1)!, found.at(-1)!))
  return found
}
