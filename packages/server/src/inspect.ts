import type { Happening, Happenings } from '@fanline/hub'

/** What happens in this time travels together, in milliseconds. */
const BATCH_MS = 100

/** More of them in one batch are counted, and not kept. */
const MAX_BATCH = 2000

/** A quiet stream says something so often, in milliseconds. */
const HEARTBEAT_MS = 15_000

/** An event stream of what happens, from the moment when its first byte is asked for until its client leaves. */
export function inspect(happenings: Happenings): Response {
  const encoder = new TextEncoder()
  let batch: Happening[] = []
  let missed = 0
  let stop: (() => void) | undefined
  let wake: () => void = () => undefined
  const take = (): string => {
    const events = batch.length === 0 ? ':\n\n' : `data: ${JSON.stringify(batch)}\n\n`
    const loss = missed === 0 ? '' : `event: missed\ndata: ${missed}\n\n`
    batch = []
    missed = 0
    return events + loss
  }
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (stop) {
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, batch.length > 0 ? BATCH_MS : HEARTBEAT_MS)
            timer.unref()
            wake = () => {
              wake = () => undefined
              clearTimeout(timer)
              setTimeout(resolve, BATCH_MS).unref()
            }
          })
        } else {
          stop = happenings.watch((happening) => {
            if (batch.length < MAX_BATCH) batch.push(happening)
            else missed++
            wake()
          })
        }
        controller.enqueue(encoder.encode(take()))
      },
      cancel() {
        stop?.()
        wake()
      },
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
