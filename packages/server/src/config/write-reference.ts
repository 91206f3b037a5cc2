// npm run reference -w fanline: brings the page about configuration up to date with the tables of options.
import { readFileSync, writeFileSync } from 'node:fs'
import { withOptionReference } from './option-reference.ts'

const page = new URL('../../../../docs/reference/configuration.md', import.meta.url)
writeFileSync(page, withOptionReference(readFileSync(page, 'utf8')))
