import { useEffect } from 'preact/hooks'

/**
 * Does something now and again and again while the screen is there and the page is seen. The pause begins when it is
 * done, so a slow server is not asked twice at once.
 * @param task never rejects
 * @param key begins anew when it changes
 */
export function usePolling(task: () => Promise<void>, pauseMs: number, key: unknown = undefined): void {
  useEffect(() => {
    let isOver = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const turn = async (): Promise<void> => {
      if (!document.hidden) await task()
      if (!isOver) timer = setTimeout(turn, pauseMs)
    }
    void turn()
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }, [key])
}
