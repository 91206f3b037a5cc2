// What stands beside every page: the lists of docs/README.md, by their headings.

const INDEX = 'docs/README.md'

/**
 * @param {import('./pages.mjs').Pages} pages
 * @returns {{ title: string, links: { title: string, target: string }[] }[]} targets from the root of the site
 */
export function navigationOf(pages) {
  const index = pages.all.find(({ path }) => path === INDEX)
  const groups = [{ title: '', links: [] }]
  for (const [, heading, href, title] of index.html.matchAll(
    /<h2[^>]*>(?:<a[^>]*>)?(.*?)(?:<\/a>)?<\/h2>|<li>(?:<p>)?<a href="([^"#]+)">(.*?)<\/a>/g,
  )) {
    if (heading !== undefined) groups.push({ title: heading, links: [] })
    else if (!/^[a-z]+:/.test(href))
      groups.at(-1).links.push({ title, target: new URL(href, 'site:/docs/').pathname.slice(1) })
  }
  return groups.filter(({ links }) => links.length > 0)
}
