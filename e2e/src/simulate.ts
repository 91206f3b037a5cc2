/** `npm run simulate -- --world redis --seeds 100000`, or `--seed 42 --trace` to see one run again. */
import { parseArgs } from 'node:util'
import { simulate, WORLDS, type WorldName } from './simulation/simulation.ts'

const { values } = parseArgs({
  options: {
    world: { type: 'string', default: 'memory' },
    seeds: { type: 'string', default: '2000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    failures: { type: 'string', default: '10' },
    trace: { type: 'boolean', default: false },
  },
})
if (!Object.hasOwn(WORLDS, values.world)) {
  throw new Error(`There is no world "${values.world}". There are: ${Object.keys(WORLDS).join(', ')}.`)
}
const world = values.world as WorldName
const first = Number(values.seed ?? values.from)
const count = values.seed === undefined ? Number(values.seeds) : 1
const totals = { published: 0, heard: 0, gaps: 0, needlessGaps: 0, reconnects: 0 }
const startedAt = Date.now()
let failures = 0

for (let seed = first; seed < first + count; seed++) {
  const report = await simulate(seed, world, values.trace ? print : undefined)
  for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += report[key]
  if (report.violations.length > 0) {
    failures++
    print(`seed ${seed} failed; run it again with: npm run simulate -- --world ${world} --seed ${seed}`)
    for (const violation of report.violations.slice(0, 10)) print(`  ${violation}`)
    if (failures === Number(values.failures)) break
  }
  if ((seed - first + 1) % 1000 === 0) print(`${seed - first + 1} of ${count} runs, ${failures} failed`)
}

const seconds = (Date.now() - startedAt) / 1000
print(`${count} runs in ${seconds.toFixed(1)} s: ${failures} failed`)
print(
  Object.entries(totals)
    .map(([name, value]) => `${value} ${name}`)
    .join(', '),
)
process.exitCode = failures === 0 ? 0 : 1

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
