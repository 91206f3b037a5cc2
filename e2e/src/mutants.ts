/** `npm run mutants`: makes mistakes in a copy of what is shipped, one at a time; the simulation must find each. */
import { huntMutants } from './simulation/mutants/hunt.ts'
import { MUTANTS } from './simulation/mutants/mutants.ts'

const [wanted] = process.argv.slice(2)
const chosen = MUTANTS.filter(({ name }) => wanted === undefined || name.includes(wanted))
let survived = 0

for await (const { mutant, caughtBy } of huntMutants(chosen)) {
  if (caughtBy === undefined) survived++
  process.stdout.write(`${caughtBy === undefined ? 'SURVIVED' : 'caught'}  ${mutant.name}\n`)
  if (caughtBy !== undefined) process.stdout.write(`        ${caughtBy}\n`)
}
process.stdout.write(`${chosen.length - survived} of ${chosen.length} were caught\n`)
process.exitCode = survived === 0 ? 0 : 1
