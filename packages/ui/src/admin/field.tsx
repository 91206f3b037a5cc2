import type { Signal } from '@preact/signals'

/** A line of text with its label. */
export function Field({
  id,
  label,
  text,
}: {
  readonly id: string
  readonly label: string
  readonly text: Signal<string>
}) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="text"
        autocomplete="off"
        spellcheck={false}
        value={text.value}
        onInput={({ currentTarget }) => {
          text.value = currentTarget.value
        }}
      />
    </div>
  )
}
