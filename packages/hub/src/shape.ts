/** What each field of an object must be. */
export type Shape = Readonly<Record<string, Check>>

/** True for what is right. */
export type Check = (value: unknown) => boolean

/** True for an object whose fields are as a shape says; it may have more. Others may write to the same engine: check all. */
export function fits(value: unknown, shape: Shape): boolean {
  return Object.entries(shape).every(([field, isRight]) => isRight(Object(value)[field]))
}

export function isListOf(isRight: Check): Check {
  return (value) => Array.isArray(value) && value.every(isRight)
}

export function isNullOr(isRight: Check): Check {
  return (value) => value === null || isRight(value)
}

export function isAbsentOr(isRight: Check): Check {
  return (value) => value === undefined || isRight(value)
}

export function isLike(shape: Shape): Check {
  return (value) => fits(value, shape)
}

export function isText(value: unknown): value is string {
  return typeof value === 'string'
}

export function isNumber(value: unknown): boolean {
  return Number.isFinite(value)
}

export function isFlag(value: unknown): boolean {
  return typeof value === 'boolean'
}
