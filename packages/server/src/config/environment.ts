import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'

/** A variable, and where it came from. */
export interface Variable {
  readonly value: string
  /** For error texts. */
  readonly source: string
}

/** Variables by name. One that is set to nothing counts as not set: that is how compose files leave one out. */
export type Environment = ReadonlyMap<string, Variable>

/** The variables of `.env` in the working directory, and over them those of the process. */
export function readEnvironment(directory: string, variables: NodeJS.ProcessEnv = process.env): Environment {
  const environment = new Map<string, Variable>()
  const file = join(directory, '.env')
  if (existsSync(file)) add(environment, parseEnv(readFileSync(file, 'utf8')), '.env')
  add(environment, variables, 'the environment')
  return environment
}

function add(environment: Map<string, Variable>, variables: NodeJS.Dict<string>, source: string): void {
  for (const [name, value] of Object.entries(variables)) {
    if (value !== undefined && value !== '') environment.set(name, { value, source })
  }
}
