import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'

/** Something that cannot be taken back. */
export interface Deed {
  readonly question: string
  /** What happens then. */
  readonly detail: string
  /** The name of the button that does it. */
  readonly verb: string
  readonly act: () => void
}

const deed = signal<Deed | undefined>(undefined)

/** Asks before it is done. */
export function confirmFirst(asked: Deed): void {
  deed.value = asked
}

/** Where the question appears; stands on the page once. */
export function ConfirmDialog() {
  const dialog = useRef<HTMLDialogElement>(null)
  const asked = deed.value
  useEffect(() => {
    if (asked) dialog.current?.showModal()
  }, [asked])
  const close = (): void => {
    dialog.current?.close()
  }
  return (
    <dialog
      ref={dialog}
      aria-labelledby="confirm-question"
      onClose={() => {
        deed.value = undefined
      }}
    >
      {asked && (
        <>
          <h2 id="confirm-question">{asked.question}</h2>
          <p>{asked.detail}</p>
          <div class="row">
            <button
              type="button"
              class="danger"
              onClick={() => {
                close()
                asked.act()
              }}
            >
              {asked.verb}
            </button>
            <button type="button" onClick={close}>
              Cancel
            </button>
          </div>
        </>
      )}
    </dialog>
  )
}
