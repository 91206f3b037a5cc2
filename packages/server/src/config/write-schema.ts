// npm run schema -w fanline: brings config.schema.json up to date with the table of options.
import { writeFileSync } from 'node:fs'
import { configSchemaText } from './config-schema.ts'

writeFileSync(new URL('../../config.schema.json', import.meta.url), configSchemaText())
