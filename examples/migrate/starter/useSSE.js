import { useEffect, useState } from 'react'
import { listen } from './stream.js'

/** A React hook: what has been notified so far, and whether the stream is open. */
export function useSSE(url) {
  const [notifications, setNotifications] = useState([])
  const [connected, setConnected] = useState(false)

  useEffect(
    () =>
      listen(url, {
        connected: () => setConnected(true),
        ping: ({ timestamp }) => console.debug('ping', timestamp),
        notification: (notification) => setNotifications((earlier) => [...earlier, notification]),
        lost: () => setConnected(false),
      }),
    [url],
  )
  return { notifications, connected }
}
