/** What a verb's exit code means: 1 something failed, 2 the command line or the configuration is wrong. */
export type FailureExitCode = 1 | 2

/** Ends a verb with one clear line and no stack trace. */
export class Failure extends Error {
  readonly exitCode: FailureExitCode

  constructor(message: string, exitCode: FailureExitCode = 1) {
    super(message)
    this.name = 'Failure'
    this.exitCode = exitCode
  }
}

/** A mistake in a flag, a variable or a configuration file. */
export function usageFailure(message: string): Failure {
  return new Failure(message, 2)
}
