import { grantAccess } from '@fanline/hub/routes'
import { ProblemError, ROLES, type Role } from '@fanline/protocol'
import { type Command, Option } from 'commander'
import { usageFailure } from '../failure.ts'

/** What {@link addGrantFlags} gives a verb. */
export interface GrantFlags {
  readonly subscribe: readonly string[]
  readonly publish: readonly string[]
  readonly role?: Role
  readonly admin?: true
}

/** Gives a verb the flags that say what somebody may do. */
export function addGrantFlags(command: Command): Command {
  return command
    .addOption(
      repeatable('--subscribe <pattern>', "channels its holder may read, such as 'orders.*'; repeatable"),
    )
    .addOption(
      repeatable(
        '--publish <pattern>',
        "channels its holder may publish to, or '@all', '@user:*', '@user:NAME'; repeatable",
      ),
    )
    .addOption(new Option('--role <role>', 'what its holder may see and do of others').choices([...ROLES]))
    .addOption(new Option('--admin', 'the same as --role admin').conflicts('role'))
}

/** The role that they give. */
export function roleOf({ role, admin }: GrantFlags): Role | undefined {
  return admin ? 'admin' : role
}

/** @throws Failure for a pattern that is none */
export function mustBeGrants({ subscribe, publish }: GrantFlags): void {
  try {
    grantAccess({ subscribe, publish })
  } catch (error) {
    throw error instanceof ProblemError ? usageFailure(error.detail ?? error.message) : error
  }
}

function repeatable(flags: string, description: string): Option {
  return new Option(flags, description)
    .default([], 'none')
    .argParser((value: string, earlier: string[]) => [...earlier, value])
}
