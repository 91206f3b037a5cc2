// node tools/run.mjs FILE ARGS…: installs and builds what is missing, then becomes `node FILE ARGS…`.
// FILE runs in this same process, so signals reach it and the exit code is its own.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from './build.mjs'
import { orExit, root } from './command.mjs'
import { prepare } from './prepare.mjs'

const [node, , file, ...args] = process.argv
await orExit(prepare())
await orExit(build())
process.argv = [node, resolve(root, file), ...args]
await import(pathToFileURL(process.argv[1]).href)
