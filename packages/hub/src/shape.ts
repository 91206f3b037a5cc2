/** What each field of an object must be. */
export type Shape = Readonly<Record<string, Check>>

/** True for what is right. */
export type Check = (value: unknown) => boolean

/** True for an object whose fields are as a shape says; it may have more. Others may write to the same engine: check all. */
export function fits(value: unknown, shape: Shape): boolean {
  return Object.entries(shape).every(([field, isRight]) => isRight(Object(value)[field]))
}

/** True for a list whose items are all right; it may be empty. */
export function isListOf(isRight: Check): Check {
  return (value) => Array.isArray(value) && value.every(isRight)
}

/** True for null, and what is right. */
export function isNullOr(isRight: Check): Check {
  return (value) => value === null || isRight(value)
}

/** True for undefined, and what is right. */
export function isAbsentOr(isRight: Check): Check {
  return (value) => value === undefined || isRight(value)
}

/** {@link fits} as a check, for an object in an object. */
export function isLike(shape: Shape): Check {
  return (value) => fits(value, shape)
}

/** True for a string. */
export function isText(value: unknown): value is string {
  return typeof value === 'string'
}

/** True for a finite number. */
export function isNumber(value: unknown): boolean {
  return Number.isFinite(value)
}

/** True for true and false. */
export function isFlag(value: unknown): boolean {
  return typeof value === 'boolean'
}
