import type { Happening, Hub, Past } from '@fanline/hub'
import { type Access, endOf } from '@fanline/hub/routes'

/** What happens in this time travels together, in milliseconds. */
const BATCH_MS = 100

/** More of them in one batch are counted, and not kept. */
const MAX_BATCH = 2000

/** A quiet stream says something so often, in milliseconds. */
const HEARTBEAT_MS = 15_000

/** How often a stream looks whether its credential still counts, in milliseconds. */
const LOOK_MS = 500

/** So much of the past is sent, in events. */
const MAX_PAST = 5000

/** Topics whose past is read when none are named. */
const MAX_TOPICS = 200

/** What somebody wants to see. */
export interface Look {
  /** Begins with what was published after this id, in some channels; with what happens from now on when undefined. */
  readonly after: string | undefined
  /** Topics, `@all` and `@user:NAME`. When there are none: what is for everybody, and topics that somebody follows now. */
  readonly channels: readonly string[]
}

/**
 * An event stream of what happens, from the moment when its first byte is asked for until its client leaves, or within a
 * second of the end of what it was let in by.
 * @throws ProblemError what {@link Hub.past} does
 */
export async function inspect(hub: Hub, access: Access, { after, channels }: Look): Promise<Response> {
  const names = after === undefined || channels.length > 0 ? channels : await followedNow(hub)
  // Before the answer begins, so that what is wrong with the question can be said.
  const past = after === undefined ? undefined : await hub.past({ channels: names, after })
  const live = new LiveBatches(hub, access)
  const pieces = piecesOf(hub, names, past, live)
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value = '' } = await pieces.next()
        if (live.isOver) controller.close()
        else controller.enqueue(encoder.encode(value))
      },
      cancel: () => live.end(),
    },
    // A request for the head alone reads nothing, and so watches nothing.
    { highWaterMark: 0 },
  )
  return new Response(body, {
    headers: {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
    },
  })
}

async function* piecesOf(
  hub: Hub,
  channels: readonly string[],
  past: Past | undefined,
  live: LiveBatches,
): AsyncGenerator<string, never> {
  live.begin()
  const [own] = hub.cluster.nodes()
  yield `:\n\n${own ? block('node', own.name) : ''}`
  if (past) {
    // Between that page and the first look something may have been published.
    let page = { ...past, isNow: false }
    for (let sent = page.happenings.length; ; sent += page.happenings.length) {
      yield block('message', page.happenings, page.through)
      if (page.isNow || sent >= MAX_PAST) break
      page = await hub.past({ channels, after: page.through })
    }
    yield block('now', { through: page.through, isComplete: page.isNow })
    if (page.isNow) live.follow(page.through, channels)
  }
  for (;;) {
    const { happenings, missed } = await live.next()
    // Only who came from the past comes back there.
    const newest = past && happenings.findLast(({ receipt }) => receipt?.id != null)?.receipt?.id
    const told = happenings.length === 0 ? ':\n\n' : block('message', happenings, newest ?? undefined)
    yield told + (missed === 0 ? '' : block('missed', missed))
  }
}

/** What happens from now on, in batches, as long as a credential counts. */
class LiveBatches {
  isOver = false
  readonly #hub: Hub
  readonly #access: Access
  #batch: Happening[] = []
  #missed = 0
  #stop: (() => void) | undefined
  #wake: () => void = () => undefined
  /** What was published up to here, in these channels, was told as past. */
  #through = 0
  #channels: ReadonlySet<string> = new Set()

  constructor(hub: Hub, access: Access) {
    this.#hub = hub
    this.#access = access
  }

  begin(): void {
    const stopWatching = this.#hub.cluster.watch(
      (happening) => {
        if (this.#isKnown(happening)) return
        if (this.#batch.length < MAX_BATCH) this.#batch.push(happening)
        else this.#missed++
        this.#wake()
      },
      (count) => {
        this.#missed += count
      },
    )
    const stopLooking = this.#hub.clock.every(LOOK_MS, () => {
      if (endOf(this.#access, this.#hub)) this.end()
    })
    this.#stop = () => {
      stopWatching()
      stopLooking()
    }
  }

  end(): void {
    this.isOver = true
    this.#stop?.()
    this.#wake()
  }

  /** What was published up to an id is known. */
  follow(through: string, channels: readonly string[]): void {
    this.#through = Number(through)
    this.#channels = new Set(channels)
    this.#batch = this.#batch.filter((happening) => !this.#isKnown(happening))
  }

  /** Resolves when something has happened, a moment after the first of it, or when nothing has for a while. */
  async next(): Promise<{ readonly happenings: readonly Happening[]; readonly missed: number }> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.isOver || this.#batch.length > 0 ? BATCH_MS : HEARTBEAT_MS)
      timer.unref()
      this.#wake = () => {
        this.#wake = () => undefined
        clearTimeout(timer)
        setTimeout(resolve, BATCH_MS).unref()
      }
    })
    const [happenings, missed] = [this.#batch, this.#missed]
    this.#batch = []
    this.#missed = 0
    return { happenings, missed }
  }

  #isKnown({ receipt, channels = [] }: Happening): boolean {
    return (
      receipt?.id != null &&
      Number(receipt.id) <= this.#through &&
      channels.some((name) => this.#channels.has(name))
    )
  }
}

/** What is for everybody, and topics that somebody follows now. */
async function followedNow(hub: Hub): Promise<string[]> {
  const { channels } = await hub.cluster.channels({ limit: MAX_TOPICS })
  return ['@all', ...channels.map(({ channel }) => channel)]
}

function block(type: string, data: unknown, id?: string): string {
  const head = `${id === undefined ? '' : `id: ${id}\n`}${type === 'message' ? '' : `event: ${type}\n`}`
  return `${head}data: ${JSON.stringify(data)}\n\n`
}
