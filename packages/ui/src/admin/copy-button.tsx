import { useSignal } from '@preact/signals'

/** Copies a text, and says so. */
export function CopyButton({ text, label = 'Copy' }: { readonly text: string; readonly label?: string }) {
  const said = useSignal('')
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => {
        said.value = 'Copied'
      },
      () => {
        said.value = 'The browser did not let it be copied'
      },
    )
  }
  return (
    <span class="row">
      <button type="button" class="quiet" onClick={copy}>
        {label}
      </button>
      <span role="status">{said.value}</span>
    </span>
  )
}
