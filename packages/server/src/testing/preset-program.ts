import type { TestContext } from 'node:test'
import { Program, type ProgramOptions } from './program.ts'

/** `fanline start` with open presets at its root, ready. */
export interface PresetProgram {
  readonly program: Program
  readonly port: number
  readonly base: string
}

/** Starts the program as an operator does who had one of the systems: its presets ask nobody for a credential. */
export async function startPresets(
  test: TestContext,
  presets: string,
  flags: readonly string[] = [],
  options: ProgramOptions = {},
): Promise<PresetProgram> {
  const args = ['start', '--port', '0', '--preset', presets, '--preset-auth', 'open', ...flags]
  const program = new Program(test, args, options)
  const [, port] = await program.prints(/"port":(\d+)/)
  return { program, port: Number(port), base: `http://127.0.0.1:${port}` }
}

/** One figure of `/metrics`, which the preset `notification` shows to everybody when it is open. */
export async function figure(base: string, name: string): Promise<number> {
  const text = await (await fetch(`${base}/metrics`)).text()
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `))
  if (line === undefined) throw new Error(`There is no figure ${name}.`)
  return Number(line.slice(name.length + 1))
}
