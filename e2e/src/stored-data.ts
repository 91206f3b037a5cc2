interface HistoryPage {
  readonly events: readonly { readonly data: unknown }[]
  readonly next: string | null
}

/** The data of all that a channel holds, oldest first. */
export async function storedData(origin: string, channel: string): Promise<unknown[]> {
  const data: unknown[] = []
  for (let after: string | null = '0'; after !== null; ) {
    const answer = await fetch(`${origin}/v1/channels/${channel}/history?limit=1000&after=${after}`)
    const page = (await answer.json()) as HistoryPage
    data.push(...page.events.map((event) => event.data))
    after = page.next
  }
  return data
}
