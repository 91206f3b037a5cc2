// What stands around a page: the way to all others, and what is on this one.
import { posix } from 'node:path'
import { escapeHtml } from './render.mjs'

/** From this many sections on, a page has a table of them. */
const MANY_SECTIONS = 3

/**
 * @param {import('./pages.mjs').SitePage} page
 * @param {ReturnType<typeof import('./navigation.mjs').navigationOf>} navigation
 */
export function htmlOf(page, navigation) {
  const to = (target) => escapeHtml(posix.relative(posix.dirname(page.target), target))
  const link = ({ title, target }) =>
    `<li><a href="${to(target)}"${target === page.target ? ' aria-current="page"' : ''}>${title}</a></li>`
  const groups = navigation.map(
    ({ title, links }) => `<h2>${title || 'Begin'}</h2>\n<ul>\n${links.map(link).join('\n')}\n</ul>`,
  )
  const title = page.title === 'fanline' ? 'fanline' : `${page.title} – fanline`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="${to('favicon.svg')}">
<link rel="stylesheet" href="${to('site.css')}">
</head>
<body>
<a class="skip" href="#content">To the text</a>
<header>
<a class="name" href="${to('index.html')}">fanline</a>
<a href="${to('docs/index.html')}">All pages</a>
</header>
<nav class="pages" aria-label="Pages">
${groups.join('\n')}
</nav>
<main id="content" tabindex="-1">
${page.html}</main>
${sectionsOf(page)}
</body>
</html>
`
}

function sectionsOf({ headings }) {
  const sections = headings.filter(({ depth }) => depth === 2)
  if (sections.length < MANY_SECTIONS) return ''
  const links = sections.map(({ id, text }) => `<li><a href="#${id}">${text}</a></li>`).join('\n')
  return `<nav class="sections" aria-label="On this page">\n<h2>On this page</h2>\n<ul>\n${links}\n</ul>\n</nav>`
}
