import { Command } from 'commander'
import { callJson } from '../client/request.ts'
import { addTargetFlags, targetOf } from '../client/target.ts'
import { usageFailure } from '../failure.ts'
import { countText } from '../quantity.ts'

interface KickFlags {
  readonly json?: true
  readonly url?: string
  readonly user?: string
}

/** `fanline kick`: ends streams. */
export function kickCommand(): Command {
  const command = new Command('kick')
    .summary('end open streams')
    .description(
      'Ends one open stream, or all of a user. Who was kicked may come back: to keep somebody out, revoke the token.\n' +
        'Takes the token or the API key of an operator. Exit code 1 when there is no such stream.',
    )
    .argument('[id]', 'what `fanline connections` shows')
    .option('--user <id>', 'all streams of this user')
    .option('--json', 'print what the server answers')
  return addTargetFlags(command).action(async (id: string | undefined, { json, url, user }: KickFlags) => {
    if ((id === undefined) === (user === undefined)) {
      throw usageFailure('Name one stream by its ID, or a user with --user.')
    }
    const path =
      user === undefined
        ? `/v1/connections/${encodeURIComponent(id!)}`
        : `/v1/users/${encodeURIComponent(user)}/connections`
    const answer = await callJson<{ readonly closed: number }>(targetOf(url), path, 'DELETE')
    process.stdout.write(json ? `${JSON.stringify(answer)}\n` : `ended: ${countText(answer.closed)}\n`)
  })
}
