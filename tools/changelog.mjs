// CHANGELOG.md, from the files of .changeset. All packages share one version, so there is one list of changes.
const UNRELEASED = '## Unreleased\n'
const FIRST_SECTION = /^## /m

/** What a file of .changeset says, without the packages it is about, as an item of a list. */
export function changeIn(text) {
  const said = text.replace(/^---\n[\s\S]*?\n---\n/, '').trim()
  return `- ${said.replaceAll('\n', '\n  ')}`
}

/**
 * The list with a section for a new version: what stands under "Unreleased", then these changes.
 *
 * @param {string} changelog
 * @param {string} version
 * @param {string} date as 2027-01-31
 * @param {readonly string[]} changes items
 */
export function withVersion(changelog, version, date, changes) {
  const heading = `## ${version} – ${date}\n`
  const open = changelog.includes(UNRELEASED)
    ? changelog
    : changelog.replace(FIRST_SECTION, `${UNRELEASED}\n$&`)
  const start = open.indexOf(UNRELEASED)
  const body = start + UNRELEASED.length
  const next = open.slice(body).search(FIRST_SECTION)
  const end = next === -1 ? open.length : body + next
  const section = [open.slice(body, end).trim(), ...changes].filter((part) => part !== '').join('\n')
  const rest = open.slice(end)
  return `${open.slice(0, start)}${heading}\n${section}\n${rest === '' ? '' : `\n${rest}`}`
}
