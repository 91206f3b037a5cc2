import { computed, signal } from '@preact/signals'

const hash = signal(location.hash)
addEventListener('hashchange', () => {
  hash.value = location.hash
})

/** The screen that the address names: what stands behind `#/`. */
export const path = computed(() => hash.value.slice(2).split('?')[0]!)

/** What the address says beside the screen. */
export const query = computed(() => new URLSearchParams(hash.value.split('?')[1]))

/** The address of a screen. What is empty is left out. */
export function addressOf(screen: string, parts: Readonly<Record<string, string>> = {}): string {
  const search = new URLSearchParams(Object.entries(parts).filter(([, value]) => value !== ''))
  return search.size === 0 ? `#/${screen}` : `#/${screen}?${search}`
}
