import { register } from 'node:module'
import { Hub } from '@fanline/hub'
import type { DiskDurability } from '@fanline/hub/disk-log'
import { mount, SimDisk } from './disk/sim-disk.ts'
import type { World, WorldParts, WorldSettings } from './world.ts'

register(new URL('./disk/module-hooks.js', import.meta.url))
// Not before: an import of the top would be resolved first.
const { diskLog } = await import('@fanline/hub/disk-log')

/** Backwards by less than positions leap after a crash. */
const JUMP_BACK_MS = -1500
const JUMPS_MS = [JUMP_BACK_MS, -20, 300, 3_600_000]

/**
 * One process at a time on a simulated disk: the shipped log on disk, whose processes are killed, whose machine loses
 * its power, whose disk is full for a while, and whose clock is set back and forward.
 */
export class DiskWorld implements World {
  readonly isTriedAgain = true
  readonly hasSeveralHubs = false
  readonly losesData = false
  readonly turnsPerStep = 4
  readonly mayTellLate = false
  readonly healingMs = 6000
  readonly #parts: WorldParts
  readonly #disk: SimDisk
  readonly #durability: DiskDurability
  #settings: WorldSettings | undefined
  #hub: Hub | undefined

  constructor(parts: WorldParts) {
    this.#parts = parts
    this.#durability = parts.random.pick(['group', 'interval', 'os'])
    this.#disk = new SimDisk(parts.random, parts.clock)
    mount(this.#disk)
  }

  begin(settings: WorldSettings): void {
    this.#settings = settings
    this.#hub = this.#start()
  }

  hub(): Hub {
    return this.#hub!
  }

  hubs(): readonly Hub[] {
    return [this.#hub!]
  }

  act(): void {
    const { random } = this.#parts
    if (!random.oneIn(60)) return
    const dice = random.between(1, 10)
    if (dice <= 3) this.#fill()
    else if (dice <= 5) this.#jump(random.pick(JUMPS_MS))
    else if (dice <= 8) this.#end('its process is killed', () => this.#disk.endProcess())
    else this.#losePower()
  }

  restart(): void {
    this.#end('its process is killed', () => this.#disk.endProcess())
  }

  calm(): void {
    this.#disk.setFull(false)
  }

  /** What a disk refused is not there. */
  outcomeOf(error: Error & { code?: string; detail?: string }): 'fail' | undefined {
    if (error.detail === 'It is not open yet.') return 'fail'
    return error.code === 'log-full' || error.code === 'log-unavailable' ? 'fail' : undefined
  }

  /** The clock of a machine that begins anew may be behind. */
  #losePower(): void {
    if (this.#parts.random.oneIn(2)) this.#jump(JUMP_BACK_MS)
    this.#end('the power fails', () => this.#disk.losePower())
  }

  #jump(ms: number): void {
    const { clock, note } = this.#parts
    note(`the clock jumps by ${ms} ms`)
    clock.jump(ms)
  }

  #fill(): void {
    const { random, clock, note } = this.#parts
    note('the disk is full')
    this.#disk.setFull(true)
    clock.after(random.pick([5, 200, 4000]), () => this.#disk.setFull(false))
  }

  #end(what: string, happen: () => void): void {
    const { random, clock, note, died } = this.#parts
    note(what)
    const before = this.#hub!
    happen()
    clock.pass(random.between(1, 500))
    this.#hub = this.#start()
    died(before)
  }

  #start(): Hub {
    const { clock, violate } = this.#parts
    const { options, tuning } = this.#settings!
    const hub: Hub = new Hub({
      log: diskLog({
        path: `/${this.#disk.process}/log`,
        durability: this.#durability,
        history: options.history as never,
        clock,
      }),
      clock,
      options,
      tuning,
      report: (problem) => {
        // A process that cannot write cannot begin.
        if (problem.code !== 'log-unavailable') violate(`reported: ${problem.stack}`)
      },
    })
    hub.ready.catch(() => {
      clock.after(500, () => {
        if (hub === this.#hub) this.#end('its process ends', () => this.#disk.endProcess())
      })
    })
    return hub
  }
}
