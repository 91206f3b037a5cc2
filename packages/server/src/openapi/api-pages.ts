import { describeStreams } from '@fanline/hub/asyncapi'
import { type Asset, asset } from '../assets.ts'
import { describeApi } from './document.ts'
import { apiPage } from './page.ts'

/** The description of the API, for programs and to read: for everybody, and the same on every server. */
export const API_PAGES: readonly Asset[] = [
  asset('/openapi.json', 'application/json', encoded(JSON.stringify(describeApi()))),
  asset('/asyncapi.json', 'application/json', encoded(JSON.stringify(describeStreams()))),
  asset('/docs', 'text/html; charset=utf-8', encoded(apiPage())),
]

function encoded(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}
