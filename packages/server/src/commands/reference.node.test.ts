import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import type { Command } from 'commander'
import { NAMED_OPTIONS } from '../config/named-options.ts'
import { benchCommand } from './bench.ts'
import { checkCommand } from './check.ts'
import { completionCommand } from './completion.ts'
import { configCommand } from './config.ts'
import { connectionsCommand } from './connections.ts'
import { devCommand } from './dev.ts'
import { doctorCommand } from './doctor.ts'
import { healthcheckCommand } from './healthcheck.ts'
import { historyCommand } from './history.ts'
import { keyCommand } from './key.ts'
import { kickCommand } from './kick.ts'
import { publishCommand } from './publish.ts'
import { startCommand } from './start.ts'
import { statusCommand } from './status.ts'
import { tailCommand } from './tail.ts'
import { tokenCommand } from './token.ts'
import { topCommand } from './top.ts'
import { versionCommand } from './version.ts'

const page = readFileSync(new URL('../../../../docs/reference/cli.md', import.meta.url), 'utf8')

/** Listed in the page about configuration. */
const configured = new Set(NAMED_OPTIONS.map(({ flag }) => flag))

describe('docs/reference/cli.md', () => {
  const verbs = [
    devCommand(),
    startCommand(),
    publishCommand(),
    tailCommand(),
    tokenCommand(),
    keyCommand(),
    historyCommand(),
    statusCommand(),
    topCommand(),
    connectionsCommand(),
    kickCommand(),
    doctorCommand(),
    benchCommand(),
    checkCommand(),
    healthcheckCommand(),
    configCommand(),
    completionCommand(async () => []),
    versionCommand(),
  ]
  for (const verb of verbs) {
    for (const command of [verb, ...verb.commands]) {
      const name = command === verb ? verb.name() : `${verb.name()} ${command.name()}`
      if (command.commands.length > 0) continue

      test(`has a section about fanline ${name}, with every flag of its own`, () => {
        const section = sectionOf(`fanline ${name}`)
        assert.ok(section, 'no section')
        assert.deepEqual(flagsIn(section), flagsOf(command))
      })
    }
  }
})

function sectionOf(title: string): string | undefined {
  return page.split(/^## /m).find((section) => section.startsWith(`\`${title}\``))
}

/** The first cell of each row of its table. */
function flagsIn(section: string): string[] {
  return [...section.matchAll(/^\| `(--[^`]+)`/gm)].map(([, flag]) => flag!)
}

function flagsOf(command: Command): string[] {
  return command.options.filter(({ long }) => !configured.has(long!)).map(({ flags }) => flags)
}
