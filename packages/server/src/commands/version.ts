import { Command } from 'commander'
import { VERSION } from '../version.ts'

/** `fanline version`. */
export function versionCommand(): Command {
  return new Command('version').description('print the version').action(() => {
    process.stdout.write(`${VERSION}\n`)
  })
}
