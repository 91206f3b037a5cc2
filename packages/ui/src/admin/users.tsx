import { useSignal } from '@preact/signals'
import { confirmFirst } from './confirm.tsx'
import { Field } from './field.tsx'
import { count } from './format.ts'
import { OutcomeLine, useOutcome } from './outcome.tsx'
import { usePolling } from './poll.ts'
import { RoleButton, RoleNote } from './role.tsx'
import { addressOf, query } from './route.ts'
import { call } from './session.ts'
import { Table } from './table.tsx'

interface Users {
  readonly users: readonly { readonly user: string; readonly connections: number }[]
  readonly next: string | null
}

interface Presence {
  readonly user: string
  readonly connections: number
  readonly nodes?: readonly { readonly node: string; readonly connections: number }[]
}

interface Revocation {
  readonly id: string
  readonly jti?: string
  readonly user?: string
  readonly until: string
}

const LIMIT = 200

/** Who is online, and whose tokens count no more. */
export function Users() {
  const name = useSignal('')
  const found = useSignal<Users | undefined>(undefined)
  const presence = useSignal<Presence | undefined>(undefined)
  const revocations = useSignal<readonly Revocation[]>([])
  const outcome = useOutcome()
  const wanted = query.value.get('user') ?? ''
  const channel = query.value.get('channel') ?? ''

  const read = (): Promise<void> =>
    outcomeOf(async () => {
      revocations.value = (await call<{ revocations: Revocation[] }>('GET', '/v1/revocations')).revocations
      presence.value =
        wanted === '' ? undefined : await call('GET', `/v1/users/${encodeURIComponent(wanted)}`)
      const search = new URLSearchParams({ limit: String(LIMIT), ...(channel && { channel }) })
      found.value = wanted === '' ? await call('GET', `/v1/users?${search}`) : onlineIn(presence.value)
    })
  const outcomeOf = (act: () => Promise<void>): Promise<void> =>
    act().catch(({ message }) => {
      outcome.text.value = message
    })
  usePolling(read, 3000, `${wanted} ${channel}`)

  const change = (act: () => Promise<string>): Promise<void> =>
    outcome.try(async () => {
      const said = await act()
      await read()
      return said
    })
  const kick = (user: string): void =>
    confirmFirst({
      question: `End all connections of ${user}?`,
      detail: 'A browser’s EventSource comes back all the same. To keep somebody out, revoke their tokens.',
      verb: 'Kick',
      act: () =>
        change(async () => {
          const { closed } = await call<{ closed: number }>(
            'DELETE',
            `/v1/users/${encodeURIComponent(user)}/connections`,
          )
          return `Ended ${count(closed)} connections of ${user}.`
        }),
    })
  const revoke = (user: string): void =>
    confirmFirst({
      question: `Revoke all tokens of ${user}?`,
      detail: 'Their streams end at once, and tokens made until now are refused for 30 days.',
      verb: 'Revoke',
      act: () =>
        change(async () => {
          await call('POST', '/v1/revocations', { user, issuedBefore: new Date().toISOString() })
          return `The tokens of ${user} count no more.`
        }),
    })
  const lift = (id: string): Promise<void> =>
    change(async () => {
      await call('DELETE', `/v1/revocations/${encodeURIComponent(id)}`)
      return 'The revocation is lifted.'
    })

  return (
    <>
      <h1>Users</h1>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault()
          location.hash = addressOf('users', { user: name.value })
        }}
      >
        <Field id="user" label="User" text={name} />
        <button type="submit">Search</button>
      </form>
      <RoleNote needs="operator" what="Kicking or revoking" />
      <OutcomeLine outcome={outcome} />
      <h2>Online{channel && <bdi> in {channel}</bdi>}</h2>
      <Table label="Users who are online" columns={['User', 'Connections', 'Nodes', 'Actions']}>
        {found.value?.users.map(({ user, connections }) => (
          <tr key={user}>
            <th scope="row" class="text">
              <a href={addressOf('connections', { user })}>
                <bdi>{user}</bdi>
              </a>
            </th>
            <td>{count(connections)}</td>
            <td>
              {presence.value?.nodes?.map(({ node, connections }) => `${node}: ${connections}`).join(', ')}
            </td>
            <td>
              <RoleButton
                needs="operator"
                class="quiet"
                aria-label={`Kick ${user}`}
                onClick={() => kick(user)}
              >
                Kick
              </RoleButton>{' '}
              <RoleButton
                needs="operator"
                class="quiet"
                aria-label={`Revoke ${user}`}
                onClick={() => revoke(user)}
              >
                Revoke
              </RoleButton>
            </td>
          </tr>
        ))}
      </Table>
      <p class="dim">
        {found.value?.users.length === 0 && 'Nobody who fits is online. '}
        {found.value?.next != null && `These are the first ${LIMIT}: search for a user.`}
      </p>
      {wanted !== '' && found.value?.users.length === 0 && (
        <RoleButton needs="operator" onClick={() => revoke(wanted)}>
          Revoke the tokens of {wanted}
        </RoleButton>
      )}
      <h2>Revocations</h2>
      <RoleNote needs="admin" what="Lifting a revocation" />
      {revocations.value.length === 0 ? (
        <p class="dim">None is in force.</p>
      ) : (
        <Table label="Revocations in force" columns={['Whose tokens', 'Until', 'Actions']}>
          {revocations.value.map(({ id, user, jti, until }) => (
            <tr key={id}>
              <th scope="row" class="text">
                {user === undefined ? `token ${jti}` : <bdi>{user}</bdi>}
              </th>
              <td>{until}</td>
              <td>
                <RoleButton needs="admin" class="quiet" aria-label={`Lift ${id}`} onClick={() => lift(id)}>
                  Lift
                </RoleButton>
              </td>
            </tr>
          ))}
        </Table>
      )}
    </>
  )
}

function onlineIn(presence: Presence | undefined): Users {
  return { users: presence && presence.connections > 0 ? [presence] : [], next: null }
}
