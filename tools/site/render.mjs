// Markdown to HTML: headings get the anchors that GitHub gives them, links lead to the pages of the site.
import { Marked } from 'marked'

/** What a reader does with a block, by the second word of its fence. */
const LABELS = {
  run: { sh: 'Terminal', js: 'A program' },
  listen: { sh: 'A terminal of its own', js: 'A program that runs on' },
  serve: { sh: 'Terminal' },
  app: { js: 'app.mjs' },
  output: 'It prints',
  heard: 'The listener shows',
}

/**
 * @param {string} text
 * @param {(link: string) => { href: string, image?: string } | undefined} follow where a link leads; undefined: nowhere
 */
export function render(text, follow) {
  const headings = []
  const images = []
  const taken = new Map()
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth, text }) {
        const id = anchorOf(text, taken)
        const html = this.parser.parseInline(tokens)
        headings.push({ id, depth, text: html.replace(/<[^>]+>/g, '') })
        return `<h${depth} id="${id}"><a class="anchor" href="#${id}">${html.replace(/<\/?a\b[^>]*>/g, '')}</a></h${depth}>\n`
      },
      link({ href, tokens }) {
        const html = this.parser.parseInline(tokens)
        const to = follow(href)
        return to
          ? `<a href="${escapeHtml(to.href)}">${html}</a>`
          : `<span class="file" title="${escapeHtml(href)}">${html}</span>`
      },
      image({ href, text }) {
        const to = follow(href)
        if (!to?.image) throw new Error(`there is no image ${href}`)
        images.push(to.image)
        return `<img src="${escapeHtml(to.href)}" alt="${escapeHtml(text)}">`
      },
      code({ text, lang = '' }) {
        const [language = '', role = ''] = lang.split(' ')
        const label = typeof LABELS[role] === 'string' ? LABELS[role] : LABELS[role]?.[language]
        const caption = label ? `<figcaption>${label}</figcaption>` : ''
        // In the order of the keys, for those who scroll without a mouse.
        return `<figure class="code">${caption}<pre tabindex="0"><code>${escapeHtml(text)}</code></pre></figure>\n`
      },
      table(token) {
        const cellOf = ({ text, tokens, header }) => {
          const tag = header && text !== '' ? 'th' : 'td'
          return `<${tag}>${this.parser.parseInline(tokens)}</${tag}>`
        }
        const row = (cells) => `<tr>${cells.map(cellOf).join('')}</tr>`
        const head = token.header.some(({ text }) => text !== '') ? `<thead>${row(token.header)}</thead>` : ''
        const body = token.rows.map((cells) => row(cells)).join('\n')
        return `<div class="table" tabindex="0"><table>${head}<tbody>${body}</tbody></table></div>\n`
      },
    },
  })
  return { title: titleOf(text), html: marked.parse(text), headings, images }
}

/** What the first heading of a page says, without marks. */
export function titleOf(text) {
  return (/^# +(.+)$/m.exec(text)?.[1] ?? 'fanline').replaceAll('`', '')
}

/** The text as it stands in HTML and in quotes. */
export function escapeHtml(text) {
  const marks = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text.replace(/[&<>"]/g, (mark) => marks[mark])
}

function anchorOf(heading, taken) {
  const id = heading
    .toLowerCase()
    .replace(/\]\([^)]*\)/g, '')
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
  const count = taken.get(id) ?? 0
  taken.set(id, count + 1)
  return count === 0 ? id : `${id}-${count}`
}
