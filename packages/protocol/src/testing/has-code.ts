import { type ProblemCode, ProblemError } from '../problem.ts'

/** For `assert.throws` and `assert.rejects`: a {@link ProblemError} of this code. */
export function hasCode(code: ProblemCode): (error: unknown) => boolean {
  return (error) => error instanceof ProblemError && error.code === code
}
