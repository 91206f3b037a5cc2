import { fileURLToPath } from 'node:url'
import type { connect, Stream } from '@fanline/client'
import type { BrowserContext, Page } from 'playwright-core'
import { rolldown } from 'rolldown'

declare global {
  interface Window {
    /** What {@link addClient} brings into a page. */
    fanline: { readonly connect: typeof connect }
    /** The stream of a test. */
    stream: Stream
  }
}

/** What a person would wait for something to happen, in milliseconds. */
const PATIENCE_MS = 20_000

let bundled: Promise<string> | undefined

/** Every page of a context has the client as `window.fanline`, as a bundler makes it. */
export async function addClient(context: BrowserContext): Promise<void> {
  bundled ??= bundleClient('index')
  await context.addInitScript({ content: await bundled })
}

/** A script that brings what a file of the client exports into a page, as `window.fanline`. */
export async function bundleClient(file: 'index' | 'event-source' | 'publisher'): Promise<string> {
  const input = fileURLToPath(new URL(`../../packages/client/dist/${file}.js`, import.meta.url))
  const bundle = await rolldown({ input, platform: 'browser' })
  const { output } = await bundle.generate({ format: 'iife', name: 'fanline', codeSplitting: false })
  await bundle.close()
  return `${output[0].code}\nwindow.fanline = fanline`
}

/** An empty page of a server. */
export async function blankPage(context: BrowserContext, origin: string): Promise<Page> {
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  await page.goto(`${origin}/livez`)
  return page
}
