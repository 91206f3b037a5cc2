import { type Signal, useSignal } from '@preact/signals'
import { textOf } from './session.ts'

/** What became of the last thing somebody did. */
export interface Outcome {
  readonly text: Signal<string>
  /** Does something, and says what it answers, or what went wrong. Never rejects. */
  try(act: () => Promise<string>): Promise<void>
}

export function useOutcome(): Outcome {
  const text = useSignal('')
  return {
    text,
    async try(act) {
      try {
        text.value = await act()
      } catch (error) {
        text.value = textOf(error)
      }
    },
  }
}

/** Where it is said, also to those who do not see it. */
export function OutcomeLine({ outcome }: { readonly outcome: Outcome }) {
  return (
    <p role="status" class="outcome">
      {outcome.text.value}
    </p>
  )
}
