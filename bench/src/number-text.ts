/** A number with three significant digits, thousands grouped: `0.250`, `15.0`, `141,000`. */
export function numberText(value: number): string {
  return value.toLocaleString('en-US', { minimumSignificantDigits: 3, maximumSignificantDigits: 3 })
}
