#!/usr/bin/env node
import { existsSync } from 'node:fs'

const cli = new URL('../dist/cli.js', import.meta.url)
if (existsSync(cli)) {
  const { run } = await import(cli)
  process.exitCode = await run(process.argv.slice(2))
} else {
  process.stderr.write('fanline: not built yet. Run `npm run build` in the repository first.\n')
  process.exitCode = 1
}
