import type { Stream, StreamStatus } from '../index.ts'

/** Waits until the status of a stream is what the test wants. */
export function reaches(stream: Stream, isIt: (status: StreamStatus) => boolean): Promise<StreamStatus> {
  return new Promise((resolve) => {
    const look = (status: StreamStatus): void => {
      if (!isIt(status)) return
      stop()
      resolve(status)
    }
    const stop = stream.onStatus(look)
    look(stream.status)
  })
}
