import { includesRole, type Role } from '@fanline/protocol'
import type { ComponentChildren, JSX } from 'preact'
import { access } from './session.ts'

/** Why whoever has signed in may not do something; empty when they may. */
function denial(what: string, needed: Role): string {
  const role = access.value?.role ?? undefined
  return includesRole(role, needed) ? '' : `${what} needs the role ${needed}; yours is ${role}.`
}

/** A button that does nothing for those without a role, and says why. The server refuses them all the same. */
export function RoleButton({
  needs,
  ...button
}: JSX.IntrinsicElements['button'] & { readonly needs: Role; readonly children: ComponentChildren }) {
  const why = denial('This', needs)
  return <button type="button" {...button} disabled={why !== ''} title={why === '' ? undefined : why} />
}

/** Says once on a screen what its user may not do there, for those who cannot point at a button. */
export function RoleNote({ needs, what }: { readonly needs: Role; readonly what: string }) {
  const why = denial(what, needs)
  return why === '' ? null : <p class="note">{why}</p>
}
